"""What the real Kokoro says, heard by a recogniser that nobody here wrote."""

from collections.abc import Iterator

import numpy as np
import pytest
from django.test import override_settings

from speech.engines.base import Segment
from speech.engines.kokoro import KokoroEngine
from speech.engines.kokoro.voices import RATE_HERTZ
from tests.support.heard import SENTENCES, align, count_errors, recognise, split_words
from tests.support.real_kokoro import model_dir_or_skip

SAID = SENTENCES[:4]
MAX_WORD_ERROR_RATE = 0.10
# After the last word there is silence; a cut ending has none.
LEAST_SILENCE_SECONDS = 0.02


@pytest.fixture(scope="module")
def engine() -> Iterator[KokoroEngine]:
    with override_settings(KOKORO_MODEL_DIR=model_dir_or_skip()):
        engine = KokoroEngine()
        yield engine
        engine.close()


def speak(engine: KokoroEngine, text: str, voice: str) -> np.ndarray:
    segment = Segment(text=text, engine_voice=voice, language="en-US", speed=1.0)
    return np.frombuffer(b"".join(engine.speak(segment)), "<i2")


@pytest.mark.timeout(300)  # the model takes all cores, and other tests run beside it
@pytest.mark.parametrize("voice", ["af_heart", "am_michael"])
def test_every_sentence_is_understood_and_spoken_to_its_end(engine: KokoroEngine, voice: str):
    errors, heard = 0, []
    for sentence in SAID:
        samples = speak(engine, sentence, voice)
        heard.append(recognise(samples, RATE_HERTZ))
        errors += count_errors(sentence, heard[-1])
        words = align(samples, RATE_HERTZ, sentence)
        assert words is not None, sentence
        spoken = [word for word in words if not word.text.startswith("<")]
        assert [word.text for word in spoken] == split_words(sentence)
        silence_seconds = len(samples) / RATE_HERTZ - spoken[-1].end_seconds
        assert silence_seconds >= LEAST_SILENCE_SECONDS, sentence
    assert errors / sum(len(split_words(sentence)) for sentence in SAID) <= MAX_WORD_ERROR_RATE, heard
