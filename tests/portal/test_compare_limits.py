"""How much visitors may compare in a quarter of an hour: what is made is counted, for an address and for all."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from accounts.rate_limits import WINDOW_SECONDS
from tests.support.envelopes import ANNIE
from tests.support.voice_previews import LEE
from tests.support.workers import race
from tts.models import VoicePreview
from voices.models import Voice

NOON = datetime(2026, 1, 8, 12, 0, 0, tzinfo=UTC)
AT_HOME, ELSEWHERE = "198.51.100.7", "203.0.113.9"


@pytest.fixture(autouse=True)
def _limits(voices: None, settings: Any) -> None:
    settings.COMPARE_LIMIT, settings.COMPARE_TOTAL_LIMIT = 5, 8


def speak(*voice_ids: str, text: str, at: str = AT_HOME) -> Any:
    return Client().post("/voices/compare", {"voice": voice_ids, "text": text}, REMOTE_ADDR=at)


def test_an_address_may_have_so_many_sounds_made_and_then_waits():
    with time_machine.travel(NOON, tick=False) as clock:
        for number in range(2):
            assert speak(ANNIE, LEE, text=f"Platform {number}.").status_code == 302
        answer = speak(ANNIE, LEE, text="One too many.")
        assert answer.status_code == 429
        assert "Comparison limit exceeded. Try again in" in answer.content.decode()
        wait = int(answer.headers["Retry-After"])
        assert 1 <= wait <= WINDOW_SECONDS
        assert VoicePreview.objects.count() == 4
        assert speak(ANNIE, text="One more.").status_code == 302  # the refusal used up nothing
        assert speak(ANNIE, text="And no more.").status_code == 429
        clock.shift(timedelta(seconds=wait))
        assert speak(ANNIE, LEE, text="One too many.").status_code == 302


def test_what_is_there_costs_nothing():
    for _ in range(6):
        assert speak(ANNIE, LEE, text="The same.").status_code == 302
    assert speak(ANNIE, LEE, text="Another.").status_code == 302


def test_what_is_refused_costs_nothing(settings):
    for _ in range(6):
        assert speak(ANNIE, text="").status_code == 400
        assert speak(text="No voice.").status_code == 400
    settings.MIN_FREE_BYTES = 10**18
    for _ in range(6):
        assert speak(ANNIE, text="No room.").status_code == 503
    settings.MIN_FREE_BYTES = 0
    for number in range(5):
        assert speak(ANNIE, text=f"Platform {number}.").status_code == 302


def test_all_together_have_a_limit_which_an_address_that_is_stopped_does_not_use_up():
    for number in range(5):
        assert speak(ANNIE, text=f"Platform {number}.").status_code == 302
    for _ in range(5):
        assert speak(ANNIE, text="Stopped.").status_code == 429
    for number in range(3):
        assert speak(LEE, text=f"Platform {number}.", at=ELSEWHERE).status_code == 302
    answer = speak(LEE, text="Stopped.", at=ELSEWHERE)
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) >= 1
    assert VoicePreview.objects.count() == 8


def test_no_more_is_made_however_many_ask_at_once(committed_db):
    answers = race(*[lambda number=number: speak(ANNIE, text=f"Platform {number}.").status_code for number in range(8)])
    assert sorted(answers) == [302] * 5 + [429] * 3
    assert VoicePreview.objects.count() == 5


def test_engines_that_are_not_free_are_not_counted(settings):
    settings.COMPARE_ENGINES = ["kokoro"]
    for number in range(9):
        assert speak(ANNIE, text=f"Platform {number}.").status_code == 302
    Voice.objects.filter(voice_id=LEE).update(provider="kokoro")
    assert speak(ANNIE, LEE, text="Half of it.").status_code == 302
    assert VoicePreview.objects.get().voice.voice_id == LEE
