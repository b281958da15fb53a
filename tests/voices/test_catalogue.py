"""The catalogue follows its engines, and keeps what an operator decided."""

from dataclasses import replace

import pytest

from config.errors import NotFound
from speech.engines.espeak.voices import voice_entries
from tts.services.catalogue import sync_catalogue
from voices.errors import InvalidVoice
from voices.models import Voice
from voices.selectors import get_public_voice, get_voice_for_speech
from voices.services import CatalogueChange, reconcile_catalogue, retire_providers

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_voices")]

ONE, TWO, THREE = voice_entries()[:3]


def reconcile(*entries, reason: str = "") -> CatalogueChange:
    return reconcile_catalogue(provider="espeak", entries=entries, unavailable_reason=reason)


def usable() -> set[str]:
    return {voice.voice_id for voice in Voice.objects.all() if voice.is_usable}


def test_new_voices_are_added_as_their_engine_describes_them():
    assert reconcile(ONE, TWO) == CatalogueChange(total=2, added=2, vanished=0)
    voice = Voice.objects.get(voice_id=ONE.voice_id)
    assert (voice.name, voice.language, voice.gender, voice.engine_voice) == (
        ONE.name,
        ONE.language,
        ONE.gender,
        ONE.engine_voice,
    )
    assert voice.output_formats == list(ONE.output_formats)
    assert voice.is_usable


def test_a_second_time_changes_nothing():
    reconcile(ONE, TWO)
    before = list(Voice.objects.order_by("pk").values())
    assert reconcile(ONE, TWO) == CatalogueChange(total=2, added=0, vanished=0)
    assert list(Voice.objects.order_by("pk").values()) == before


def test_what_the_engine_says_is_refreshed():
    reconcile(ONE)
    Voice.objects.update(name="Edited", max_text_bytes=1)
    reconcile(replace(ONE, language_name="American"))
    voice = Voice.objects.get()
    assert (voice.name, voice.max_text_bytes, voice.language_name) == (ONE.name, ONE.max_text_bytes, "American")


def test_what_an_operator_disabled_stays_disabled():
    reconcile(ONE)
    Voice.objects.update(is_enabled=False)
    reconcile(ONE)
    reconcile(reason="no library")
    reconcile(ONE)
    assert not Voice.objects.get().is_enabled


def test_a_voice_that_vanished_stays_as_a_row_and_may_come_back():
    reconcile(ONE, TWO)
    pk = Voice.objects.get(voice_id=TWO.voice_id).pk
    assert reconcile(ONE, THREE) == CatalogueChange(total=2, added=1, vanished=1)
    assert usable() == {ONE.voice_id, THREE.voice_id}
    with pytest.raises(NotFound):
        get_public_voice(TWO.voice_id)
    with pytest.raises(InvalidVoice, match="There is no voice"):
        get_voice_for_speech(TWO.voice_id)
    assert reconcile(ONE, THREE) == CatalogueChange(total=2, added=0, vanished=0)
    assert reconcile(ONE, TWO, THREE) == CatalogueChange(total=3, added=1, vanished=0)
    assert Voice.objects.get(voice_id=TWO.voice_id).pk == pk
    assert usable() == {ONE.voice_id, TWO.voice_id, THREE.voice_id}


def test_an_engine_that_is_out_of_reach_but_knows_its_voices_keeps_them_with_the_reason():
    reconcile(ONE)
    assert reconcile(ONE, TWO, reason="no library") == CatalogueChange(total=2, added=1, vanished=0)
    assert set(Voice.objects.values_list("unavailable_reason", flat=True)) == {"no library"}
    assert usable() == set()
    with pytest.raises(InvalidVoice, match="is not available here: no library"):
        get_voice_for_speech(ONE.voice_id)


def test_an_engine_that_cannot_even_list_its_voices_keeps_the_known_ones_with_the_reason():
    reconcile(ONE, TWO)
    assert reconcile(reason="no credentials") == CatalogueChange(total=2, added=0, vanished=0)
    assert set(Voice.objects.values_list("unavailable_reason", "is_listed")) == {("no credentials", True)}
    reconcile(ONE, TWO)
    assert usable() == {ONE.voice_id, TWO.voice_id}


def test_an_available_engine_without_voices_has_none():
    reconcile(ONE)
    assert reconcile() == CatalogueChange(total=0, added=0, vanished=1)
    assert usable() == set()


def test_another_providers_voices_are_left_alone():
    reconcile(ONE)
    other = replace(TWO, provider="kokoro", voice_id="kokoro:en-US-Kokoro-Heart")
    reconcile_catalogue(provider="kokoro", entries=[other], unavailable_reason="")
    assert reconcile() == CatalogueChange(total=0, added=0, vanished=1)
    assert usable() == {other.voice_id}


def test_voices_of_an_engine_that_is_no_longer_configured_say_so(settings):
    other = replace(TWO, provider="retired", voice_id="retired:en-US-Retired-Heart")
    reconcile_catalogue(provider="retired", entries=[other], unavailable_reason="")
    settings.SPEECH_ENGINES = {"espeak": settings.SPEECH_ENGINES["espeak"]}
    changes = sync_catalogue()
    count = len(voice_entries())
    assert changes["espeak"] == CatalogueChange(total=count, added=count, vanished=0)
    with pytest.raises(InvalidVoice, match="not available here: its engine is not configured on this server"):
        get_voice_for_speech(other.voice_id)
    assert retire_providers(keep=["espeak", "retired"]) == 0
    assert len(usable()) == count
