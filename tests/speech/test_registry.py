"""Engines are found by name, made once, and say what they are."""

import threading

import pytest
from django.test import override_settings

from speech.engines.base import Engine, EngineUnavailable
from speech.engines.espeak import EspeakEngine
from speech.engines.registry import all_engines, close_engines, get_engine

with_espeak = override_settings(SPEECH_ENGINES={"espeak": "speech.engines.espeak.EspeakEngine"})
with_nothing = override_settings(SPEECH_ENGINES={})


@with_espeak
def test_the_configured_class_is_made_once_for_all_threads() -> None:
    found: list[Engine] = []
    barrier = threading.Barrier(8)

    def look_up() -> None:
        barrier.wait()
        found.append(get_engine("espeak"))

    threads = [threading.Thread(target=look_up) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert {id(engine) for engine in found} == {id(get_engine("espeak"))}
    assert isinstance(found[0], EspeakEngine)


def test_all_engines_are_those_of_the_settings() -> None:
    with with_espeak:
        assert all_engines() == [get_engine("espeak")]
    with with_nothing:
        assert all_engines() == []


@with_nothing
def test_an_engine_that_is_not_configured_is_unavailable() -> None:
    with pytest.raises(EngineUnavailable, match="No speech engine named espeak is configured here"):
        get_engine("espeak")


@with_espeak
def test_espeak_describes_itself_and_starts_again_after_closing() -> None:
    engine = get_engine("espeak")
    assert (engine.name, engine.queue, engine.unavailable_reason()) == ("espeak", "speech.espeak", "")
    assert engine.sample_rate_hertz("gmw/en+Lee") == 22_050
    for _ in range(2):
        assert engine.describe() == {
            "version": "eSpeak NG 1.52.0",
            "sample_rate_hertz": 22_050,
            "voices": 272,
            "languages": 132,
        }
        close_engines()
