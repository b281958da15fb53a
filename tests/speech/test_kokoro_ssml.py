"""SSML as the real Kokoro speaks it: measured, and heard by a recogniser."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from django.test import override_settings
from numpy.typing import NDArray

from speech.engines.base import PermanentEngineError, Segment
from speech.engines.kokoro import KokoroEngine
from speech.engines.kokoro.voices import RATE_HERTZ
from tests.support import kokoro_files
from tests.support.engines import median_pitch_hertz
from tests.support.heard import SENTENCES, count_errors, recognise
from tests.support.real_kokoro import model_dir_or_skip

Samples = NDArray[np.int16]
Say = Callable[..., Samples]
SENTENCE = SENTENCES[0]
TAIL_SECONDS = 0.38  # of silence around a sentence

pytestmark = pytest.mark.timeout(300)  # the model takes all cores, and other tests run beside it


@pytest.fixture(scope="module")
def engine() -> Iterator[KokoroEngine]:
    with override_settings(KOKORO_MODEL_DIR=model_dir_or_skip()):
        engine = KokoroEngine()
        yield engine
        engine.close()


@pytest.fixture(scope="module")
def say(engine: KokoroEngine) -> Say:
    def say(ssml: str, *, speed: float = 1.0, text_format: Any = "ssml") -> Samples:
        found = []
        for piece in engine.split(ssml, text_format=text_format, language="en-US"):
            segment = Segment(
                text=piece.text, engine_voice="af_heart", language="en-US", speed=speed, text_format=text_format
            )
            found += list(engine.speak(segment))
        return np.frombuffer(b"".join(found), "<i2")

    return say


@pytest.fixture(scope="module")
def plain(say: Say) -> Samples:
    return say(SENTENCE)


def level_db(samples: Samples) -> float:
    return float(20 * np.log10(samples.astype(float).std()))


def pitch_hertz(samples: Samples) -> float:
    return median_pitch_hertz(samples.tobytes(), RATE_HERTZ)


def silences(samples: Samples) -> list[float]:
    """The seconds between sounds, as far as they are longer than the model's own pauses."""
    gaps = np.diff(np.flatnonzero(np.abs(samples.astype(int)) > 0.01 * 32_767)) / RATE_HERTZ
    return [float(gap) for gap in gaps if gap > 0.27]


def spoken_seconds(samples: Samples) -> float:
    return len(samples) / RATE_HERTZ - TAIL_SECONDS


def test_ssml_without_elements_sounds_like_plain_text(say: Say, plain: Samples) -> None:
    assert np.array_equal(plain, say(SENTENCE, text_format="text"))
    assert np.array_equal(plain, say(f"<speak>{SENTENCE}</speak>"))


@pytest.mark.parametrize("rate", [60, 150])
def test_a_rate_is_true(say: Say, plain: Samples, rate: int) -> None:
    changed = say(f"<prosody rate='{rate}%'>{SENTENCE}</prosody>")
    assert spoken_seconds(plain) / spoken_seconds(changed) == pytest.approx(rate / 100, rel=0.1)


@pytest.mark.parametrize("factor", [0.85, 1.15])
def test_a_pitch_is_true_and_nothing_is_misheard(say: Say, plain: Samples, factor: float) -> None:
    changed = say(f"<prosody pitch='{factor * 100:g}%'>{SENTENCE}</prosody>")
    assert pitch_hertz(changed) / pitch_hertz(plain) == pytest.approx(factor, rel=0.05)
    assert len(changed) == pytest.approx(len(plain), rel=0.02)
    assert count_errors(SENTENCE, recognise(changed, RATE_HERTZ)) == 0


def test_a_volume_is_true_where_it_is_asked_for(say: Say, plain: Samples) -> None:
    soft = say(f"<prosody volume='-12dB'>{SENTENCE}</prosody>")
    assert level_db(soft) - level_db(plain) == pytest.approx(-12, abs=0.5)
    first, _, rest = SENTENCE.partition(" and ")
    half = say(f"<prosody volume='silent'>{first}</prosody> and {rest}")
    assert len(half) == pytest.approx(len(plain), abs=RATE_HERTZ // 20)
    assert not half[: len(half) // 3].any()
    assert half[-RATE_HERTZ:].any()
    assert int(np.abs(say(f"<prosody volume='+12dB'>{SENTENCE}</prosody>")).max()) < 32_767 * 10 ** (-1 / 20)


def test_breaks_are_as_long_as_they_say(say: Say) -> None:
    said = "We had dinner together <break time='300ms'/> and talked <break time='1.2s'/>about old times."
    found = say(f"<break time='500ms'/>{said}<break time='.7s'/> Thank you.")
    assert silences(found) == pytest.approx([0.3, 1.2, 0.7], abs=0.02)
    assert np.flatnonzero(np.abs(found.astype(int)) > 328)[0] / RATE_HERTZ == pytest.approx(0.53, abs=0.02)
    expected = "we had dinner together and talked about old times thank you"
    assert count_errors(expected, recognise(found, RATE_HERTZ)) <= 1
    assert len(say("<break time='2s'/>", speed=2.0)) == RATE_HERTZ


def test_an_emphasised_word_is_slower_and_louder_and_understood(say: Say, plain: Samples) -> None:
    word = "equal"
    strong = say(SENTENCE.replace(word, f"<emphasis level='strong'>{word}</emphasis>"))
    assert 0.05 < (len(strong) - len(plain)) / RATE_HERTZ < 0.4
    assert count_errors(SENTENCE, recognise(strong, RATE_HERTZ)) <= 1


def test_phonemes_and_voices_are_heard(say: Say, plain: Samples) -> None:
    said = SENTENCE.replace("dignity", "<phoneme alphabet='x-sampa' ph='&quot;dIgn@ti'>xyz</phoneme>")
    assert count_errors(SENTENCE, recognise(say(said), RATE_HERTZ)) == 0
    man = say(f"<voice gender='male'>{SENTENCE}</voice>")
    assert pitch_hertz(man) < 0.75 * pitch_hertz(plain)


def test_the_same_piece_gives_the_same_bytes(say: Say) -> None:
    text = "We <emphasis>had</emphasis> dinner <break/> <prosody rate='30%' pitch='high'>here</prosody>."
    first = say(text)
    say("<voice gender='male'>Another one.</voice>")
    assert np.array_equal(say(text), first)


def test_a_model_without_controls_says_so(tmp_path: Any, settings: Any) -> None:
    settings.KOKORO_MODEL_DIR = tmp_path
    kokoro_files.tone_model(tmp_path)
    kokoro_files.packs(tmp_path)
    engine = KokoroEngine()
    assert {entry.supports_ssml for entry in engine.voices()} == {False}
    segment = Segment(text="<speak>Hi</speak>", engine_voice="af_heart", language="en-US", text_format="ssml")
    with pytest.raises(PermanentEngineError, match="This Kokoro model does not support SSML"):
        next(engine.speak(segment))
    engine.close()


def test_voices_of_the_installed_model_support_ssml(engine: KokoroEngine) -> None:
    assert {entry.supports_ssml for entry in engine.voices()} == {True}
