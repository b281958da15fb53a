"""How the real Kokoro paces its speech, and how loud it is."""

from collections.abc import Iterator

import numpy as np
import pytest
from django.test import override_settings

from speech.audio.loudness import measure_lufs
from speech.engines.kokoro import KokoroEngine
from speech.engines.kokoro.voices import RATE_HERTZ
from tests.support.pace import LONGEST_LEAD_MS, PAUSES, TRAIL_MS, VOICES, measure_silences, peak_dbfs, speak_pieces
from tests.support.real_kokoro import model_dir_or_skip

pytestmark = pytest.mark.timeout(300)  # the model takes all cores, and other tests run beside it


@pytest.fixture(scope="module")
def engine() -> Iterator[KokoroEngine]:
    with override_settings(KOKORO_MODEL_DIR=model_dir_or_skip()):
        engine = KokoroEngine()
        yield engine
        engine.close()


@pytest.mark.parametrize(("language", "kind", "text", "bounds"), PAUSES)
def test_pauses_are_where_a_speaker_breathes(
    engine: KokoroEngine, language: str, kind: str, text: str, bounds: tuple[int, int]
):
    pieces = speak_pieces(engine, text, VOICES[language], language)
    lead, between, trail = measure_silences(np.concatenate(pieces), RATE_HERTZ)
    assert lead <= LONGEST_LEAD_MS
    assert TRAIL_MS[0] <= trail <= TRAIL_MS[1]
    longest = sorted(between)[-max(len(pieces) - 1, 1) :]  # as many as there are joins
    assert all(bounds[0] <= pause <= bounds[1] for pause in longest), (kind, between)


def test_a_voice_that_is_quiet_by_itself_is_as_loud_as_the_others_and_does_not_clip(engine: KokoroEngine):
    text = "The police are looking for a man who was seen near the house. He was last seen on Monday."
    pieces = speak_pieces(engine, text, "am_michael", "en-US")
    whole = np.concatenate(pieces)
    assert measure_lufs(whole, RATE_HERTZ) == pytest.approx(-18.0, abs=1.0)
    levels = [measure_lufs(piece, RATE_HERTZ) for piece in pieces]
    assert len(levels) == 2
    assert max(levels) - min(levels) <= 1.0
    assert peak_dbfs(whole) <= -1.0


def test_half_the_speed_has_twice_the_pause_and_an_even_beginning(engine: KokoroEngine):
    lead, between, trail = measure_silences(
        np.concatenate(speak_pieces(engine, "It was blue. It is red.", "af_heart", "en-US", speed=0.5)), RATE_HERTZ
    )
    assert lead <= LONGEST_LEAD_MS
    assert max(between) == pytest.approx(760, abs=40)
    assert trail == pytest.approx(730, abs=40)


def test_a_piece_sounds_the_same_wherever_it_stands(engine: KokoroEngine):
    first, second = speak_pieces(engine, "It was blue. It is red.", "af_heart", "en-US")
    others = speak_pieces(engine, "Nobody knows. It was blue. It is red.", "af_heart", "en-US")
    assert (others[1] == first).all()
    assert (others[2] == second).all()
