"""The names that OpenAI's clients send: what they stand for here, now and as more voices come."""

import importlib
from dataclasses import replace

import pytest
from django.apps import apps
from django.db import IntegrityError, transaction

from speech.catalogue import ModelType
from speech.engines.espeak.voices import voice_entries
from voices.errors import InvalidVoice, ModelNotFound
from voices.models import ModelAlias, Voice, VoiceAlias
from voices.selectors import get_model_alias, get_voice_for_model, list_model_aliases
from voices.services import reconcile_catalogue

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("voices")]

NAMES = [
    "alloy",
    "ash",
    "ballad",
    "cedar",
    "coral",
    "echo",
    "fable",
    "marin",
    "nova",
    "onyx",
    "sage",
    "shimmer",
    "verse",
]
FEMALE = {"alloy", "coral", "marin", "nova", "sage", "shimmer"}
KOKORO_HEART = "kokoro:en-US-Kokoro-Heart"
AUNTIE = "espeak:en-US-eSpeak-Auntie"


def speaking(name: str, model: str = "tts-1") -> str:
    return get_voice_for_model(model=get_model_alias(model), name=name).voice_id


def install(voice_id: str, *, model_type: ModelType = "premium") -> None:
    provider = voice_id.partition(":")[0]
    entry = replace(voice_entries()[0], voice_id=voice_id, provider=provider, model_type=model_type)
    reconcile_catalogue(provider=entry.provider, entries=[entry], unavailable_reason="")


def test_a_fresh_installation_knows_openais_names_and_speaks_with_every_one():
    assert [model.name for model in list_model_aliases()] == ["gpt-4o-mini-tts", "tts-1", "tts-1-hd"]
    assert list(VoiceAlias.objects.order_by("name").values_list("name", flat=True)) == NAMES
    spoken = {name: Voice.objects.get(voice_id=speaking(name)) for name in NAMES}
    assert {name for name, voice in spoken.items() if voice.gender == "female"} == FEMALE
    assert {voice.provider for voice in spoken.values()} == {"espeak"}
    assert len({voice.voice_id for voice in spoken.values()}) >= 8


def test_a_better_voice_takes_over_as_soon_as_it_is_usable():
    assert speaking("alloy") == AUNTIE
    install(KOKORO_HEART)
    assert speaking("alloy") == KOKORO_HEART
    Voice.objects.filter(voice_id=KOKORO_HEART).update(unavailable_reason="its weights are missing")
    assert speaking("alloy") == AUNTIE
    Voice.objects.filter(voice_id=KOKORO_HEART).update(unavailable_reason="", is_enabled=False)
    assert speaking("alloy") == AUNTIE


def test_a_model_of_one_type_passes_over_voices_of_another():
    install(KOKORO_HEART, model_type="ultra")
    ModelAlias.objects.filter(name="tts-1").update(model_type="premium")
    ModelAlias.objects.filter(name="tts-1-hd").update(model_type="ultra")
    assert speaking("alloy", "tts-1") == AUNTIE
    assert speaking("alloy", "tts-1-hd") == speaking("alloy", "gpt-4o-mini-tts") == KOKORO_HEART
    with pytest.raises(InvalidVoice, match=r"None of the voices of 'nova' is currently available for tts-1-hd\."):
        speaking("nova", "tts-1-hd")


def test_the_id_of_a_voice_is_a_name_too():
    assert speaking("espeak:en-GB-eSpeak-Lee") == "espeak:en-GB-eSpeak-Lee"
    with pytest.raises(InvalidVoice, match="There is no voice 'espeak:en-GB-eSpeak-Nobody'"):
        speaking("espeak:en-GB-eSpeak-Nobody")


@pytest.mark.parametrize("name", ["", "Alloy", "ember", "x" * 5000])
def test_an_unknown_voice_is_refused_with_those_that_are_known(name: str):
    with pytest.raises(InvalidVoice) as refused:
        speaking(name)
    assert refused.value.message == (
        f"There is no voice {name[:80]!r}. Use one of {', '.join(NAMES)}, "
        "or the voice_id of any voice in GET /api/v1/voices."
    )


def test_what_an_operator_disabled_is_unknown():
    ModelAlias.objects.filter(name="tts-1").update(is_enabled=False)
    VoiceAlias.objects.filter(name="alloy").update(is_enabled=False)
    with pytest.raises(ModelNotFound, match="The model 'tts-1' does not exist"):
        get_model_alias("tts-1")
    with pytest.raises(InvalidVoice, match=r"There is no voice 'alloy'\. Use one of ash, "):
        speaking("alloy", "tts-1-hd")
    assert [model.name for model in list_model_aliases()] == ["gpt-4o-mini-tts", "tts-1-hd"]


def test_the_database_knows_the_types_that_there_are():
    with pytest.raises(IntegrityError), transaction.atomic():
        ModelAlias.objects.filter(name="tts-1").update(model_type="basic")


# --- an installation that is older than the ranks ---------------------------------------------------


def upgrade() -> None:
    importlib.import_module("voices.migrations.0007_best_names").point_to_the_best(apps, None)


def test_an_upgrade_points_names_to_better_voices_unless_an_operator_edited_them():
    shipped = ["kokoro:en-US-Kokoro-Onyx", "espeak:en-US-eSpeak-Lee"]
    edited = ["kokoro:en-US-Kokoro-Nova"]
    VoiceAlias.objects.filter(name="onyx").update(voice_ids=shipped)
    VoiceAlias.objects.filter(name="nova").update(voice_ids=edited)
    upgrade()
    assert VoiceAlias.objects.get(name="onyx").voice_ids == ["kokoro:en-US-Kokoro-Fenrir", *shipped]
    assert VoiceAlias.objects.get(name="nova").voice_ids == edited


def test_openais_six_first_names_are_kokoros_best_voices():
    first = {alias.name: alias.voice_ids[0].rpartition("-")[2] for alias in VoiceAlias.objects.all()}
    assert {name: first[name] for name in ("alloy", "echo", "fable", "nova", "onyx", "shimmer")} == {
        "alloy": "Heart",
        "echo": "Michael",
        "fable": "George",
        "nova": "Bella",
        "onyx": "Fenrir",
        "shimmer": "Emma",
    }
