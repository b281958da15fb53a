"""`make bench-speech`: how many words of thirty sentences a recogniser gets wrong, voice by voice.

    python -m bench.speech [VOICE …]

The word error rate is that of PocketSphinx, an American: the British voices show what it makes of their accent. Speed
is a ratio: seconds of sound for each second of work, in this run on this machine.
"""

import os
import sys
import time

import django

from tests.support.heard import SENTENCES, count_errors, recognise, split_words
from tests.support.real_kokoro import fetch

VOICES = ("af_heart", "af_bella", "am_michael", "am_fenrir", "bf_emma", "bm_george")


def main(voices: list[str]) -> int:
    os.environ |= {"DJANGO_SETTINGS_MODULE": "config.settings", "KOKORO_MODEL_DIR": str(fetch(dict(os.environ)))}
    django.setup()
    import numpy as np

    from speech.engines.base import Segment
    from speech.engines.kokoro import KokoroEngine
    from speech.engines.kokoro.voices import LANGUAGES, RATE_HERTZ

    engine = KokoroEngine()
    if reason := engine.unavailable_reason():
        print(f"Kokoro is not available: {reason}.", file=sys.stderr)
        return 1
    engine.warm_up()
    print(f"{'voice':12} {'word error rate':>16} {'seconds of sound':>18} {'per second of work':>20}")
    for voice in voices or VOICES:
        errors, sound_seconds, work_seconds = 0, 0.0, 0.0
        for sentence in SENTENCES:
            started = time.perf_counter()
            segment = Segment(text=sentence, engine_voice=voice, language=LANGUAGES[voice[0]].tag, speed=1.0)
            samples = np.frombuffer(b"".join(engine.speak(segment)), "<i2")
            work_seconds += time.perf_counter() - started
            sound_seconds += len(samples) / RATE_HERTZ
            errors += count_errors(sentence, recognise(samples, RATE_HERTZ))
        words = sum(len(split_words(sentence)) for sentence in SENTENCES)
        print(
            f"{voice:12} {errors / words:16.3f} {sound_seconds:18.1f} {sound_seconds / work_seconds:20.2f}", flush=True
        )
    engine.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
