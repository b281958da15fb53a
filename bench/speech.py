"""`make bench-speech`: measures Kokoro's speech.

    python -m bench.speech [VOICE …]      word error rate, pace and loudness of these voices, and pauses by kind
    python -m bench.speech --loudness     loudness of all 54 voices, one text each

The word error rate is measured with PocketSphinx, whose model is American, so British voices score worse. Speed is
seconds of audio per second of work, on this machine. Loudness is integrated (BS.1770) over all sentences; "spread" is
the difference between the loudest and the quietest sentence.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from typing import Any

import django
import numpy as np

from tests.support.heard import SENTENCES, count_errors, recognise, split_words
from tests.support.real_kokoro import fetch

VOICES = ("af_heart", "af_bella", "am_michael", "am_fenrir", "bf_emma", "bm_george")
LUFS_BAR = 1.0  # largest difference from the target
# For each language, the first article of the Universal Declaration of Human Rights, as published by the UN.
ARTICLE = {
    "en-US": "All human beings are born free and equal in dignity and rights.",
    "en-GB": "All human beings are born free and equal in dignity and rights.",
    "es-ES": "Todos los seres humanos nacen libres e iguales en dignidad y derechos.",
    "fr-FR": "Tous les êtres humains naissent libres et égaux en dignité et en droits.",
    "hi-IN": "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है।",
    "it-IT": "Tutti gli esseri umani nascono liberi ed eguali in dignità e diritti.",
    "ja-JP": "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。",
    "pt-BR": "Todos os seres humanos nascem livres e iguais em dignidade e em direitos.",
    "zh-CN": "人人生而自由，在尊严和权利上一律平等。",
}


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="make bench-speech")
    parser.add_argument("voices", nargs="*", default=VOICES)
    parser.add_argument("--loudness", action="store_true")
    options = parser.parse_args(arguments)
    os.environ |= {"DJANGO_SETTINGS_MODULE": "config.settings", "KOKORO_MODEL_DIR": str(fetch(dict(os.environ)))}
    django.setup()

    from speech.engines.kokoro import KokoroEngine

    engine = KokoroEngine()
    if reason := engine.unavailable_reason():
        print(f"Kokoro is not available: {reason}.", file=sys.stderr)
        return 1
    engine.warm_up()
    if options.loudness:
        missed = measure_loudness(engine)
    else:
        measure_words(engine, options.voices)
        missed = measure_pauses(engine)
    engine.close()
    for line in missed:
        print(f"missed: {line}")
    return 1 if missed else 0


def measure_words(engine: Any, voices: Sequence[str]) -> None:
    from speech.audio.loudness import measure_lufs
    from speech.engines.kokoro.voices import LANGUAGES, RATE_HERTZ
    from tests.support.pace import measure_silences, peak_dbfs, speak_pieces

    print("voice       word error rate   sound s   speed   letters/s    LUFS   spread   peak dBFS   lead ms   trail ms")
    for voice in voices:
        errors, work_seconds, spoken = 0, 0.0, list[np.ndarray]()
        for sentence in SENTENCES:
            started = time.perf_counter()
            spoken.append(np.concatenate(speak_pieces(engine, sentence, voice, LANGUAGES[voice[0]].tag)))
            work_seconds += time.perf_counter() - started
            errors += count_errors(sentence, recognise((spoken[-1] * 32768).astype("<i2"), RATE_HERTZ))
        words = sum(len(split_words(sentence)) for sentence in SENTENCES)
        everything = np.concatenate(spoken)
        seconds = len(everything) / RATE_HERTZ
        levels = [measure_lufs(samples, RATE_HERTZ) for samples in spoken]
        silences = [measure_silences(samples, RATE_HERTZ) for samples in spoken]
        print(
            f"{voice:11} {errors / words:15.3f} {seconds:9.1f} {seconds / work_seconds:7.2f}"
            f" {sum(map(len, SENTENCES)) / seconds:11.1f} {measure_lufs(everything, RATE_HERTZ):7.1f}"
            f" {max(levels) - min(levels):8.1f} {peak_dbfs(everything):11.1f}"
            f" {max(silence.lead for silence in silences):9.0f} {max(silence.trail for silence in silences):10.0f}",
            flush=True,
        )


def measure_pauses(engine: Any) -> list[str]:
    """Prints the pauses by kind. Returns the ones that are out of range."""
    from speech.engines.kokoro.voices import RATE_HERTZ
    from tests.support.pace import PAUSES, VOICES, measure_silences, speak_pieces

    missed = []
    print("\npause        should be ms   longest of each text ms")
    for language, kind, text, (least, most) in PAUSES:
        samples = np.concatenate(speak_pieces(engine, text, VOICES[language], language))
        longest = max(measure_silences(samples, RATE_HERTZ).between, default=0.0)
        print(f"{kind:12} {least:5} – {most:4} {longest:10.0f}   {text!r}", flush=True)
        if not least <= longest <= most:
            missed.append(f"{kind}: {text!r}")
    return missed


def measure_loudness(engine: Any) -> list[str]:
    """Prints the loudness of every voice that is available here. Returns the voices that miss the target."""
    from speech.audio.loudness import measure_lufs
    from speech.engines.kokoro.engine import TARGET_LUFS
    from speech.engines.kokoro.voices import RATE_HERTZ
    from tests.support.pace import peak_dbfs, speak_pieces

    missed = []
    print("voice             LUFS   peak dBFS")
    for entry in engine.voices():
        if entry.unavailable_reason:
            print(f"{entry.engine_voice:14} not measured: {entry.unavailable_reason}")
            continue
        samples = np.concatenate(speak_pieces(engine, ARTICLE[entry.language], entry.engine_voice, entry.language))
        lufs = measure_lufs(samples, RATE_HERTZ)
        print(f"{entry.engine_voice:14} {lufs:7.1f} {peak_dbfs(samples):11.1f}", flush=True)
        if abs(lufs - TARGET_LUFS) > LUFS_BAR or peak_dbfs(samples) > -1.0:
            missed.append(f"{entry.engine_voice}: loudness")
    return missed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
