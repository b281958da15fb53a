"""The Google engine's voices: Google's names as ours, what each family can, and when there are none."""

import subprocess
import sys

import pytest

from speech.catalogue import VoiceEntry
from speech.engines.base import EngineUnavailable, TransientEngineError
from speech.engines.google import GoogleEngine
from speech.engines.google.voices import GEMINI_LANGUAGES, STYLES
from tests.peers.google_peer import GooglePeer
from tests.run import ROOT
from tests.support.google import (  # noqa: F401
    KORE,
    google_voices,
    one_google_peer,
    peer,
    write_credentials,
)


@pytest.fixture
def entries(peer: GooglePeer) -> dict[str, VoiceEntry]:  # noqa: F811
    engine = GoogleEngine()
    try:
        return {entry.voice_id: entry for entry in engine.voices()}
    finally:
        engine.close()


# --- names ---------------------------------------------------------------------------------------


def test_names_of_google_are_ids_of_ours(entries):
    assert sorted(voice_id for voice_id in entries if "Gemini" not in voice_id) == [
        "google:ar-XA-Standard-C",
        "google:cmn-TW-Wavenet-B",
        "google:de-DE-Chirp3HD-Puck",
        "google:en-GB-Neural2-A",
        "google:en-US-Casual-K",
        "google:en-US-Chirp-HD-F",
        "google:en-US-Chirp3HD-Kore",
        "google:en-US-News-N",
        "google:en-US-Studio-O",
        "google:en-US-Wavenet-A",
        "google:fr-FR-Polyglot-1",
    ]


def test_a_voice_of_gemini_speaks_the_languages_listed_with_it_and_those_that_google_promises(entries):
    def languages_of(name: str) -> set[str]:
        return {entry.language for entry in entries.values() if (entry.family, entry.name) == ("Gemini", name)}

    assert languages_of("Kore") == set(GEMINI_LANGUAGES)
    assert languages_of("Puck") == {*GEMINI_LANGUAGES, "cmn-TW"}
    assert entries["google:ja-JP-Gemini-Kore"].engine_voice == "Kore"


@pytest.mark.parametrize(
    ("voice_id", "name", "gender", "language_name", "engine_voice", "characteristics"),
    [
        ("google:en-US-Chirp3HD-Kore", "Kore", "female", "English (United States)", "en-US-Chirp3-HD-Kore",
         {"styles": ["firm"]}),
        ("google:ar-XA-Standard-C", "C", "unknown", "Arabic", "ar-XA-Standard-C", {}),
        ("google:cmn-TW-Wavenet-B", "B", "male", "Mandarin Chinese (Taiwan)", "cmn-TW-Wavenet-B", {}),
        ("google:pt-BR-Gemini-Puck", "Puck", "male", "Portuguese (Brazil)", "Puck", {
            "styles": ["upbeat"],
            "models": ["gemini-2.5-flash-tts", "gemini-2.5-pro-tts", "gemini-2.5-flash-lite-preview-tts",
                       "gemini-3.1-flash-tts-preview"],
            "multispeaker_models": ["gemini-2.5-flash-tts", "gemini-2.5-pro-tts", "gemini-3.1-flash-tts-preview"],
        }),
    ],
)  # fmt: skip
def test_what_the_catalogue_learns_of_a_voice(
    entries, voice_id, name, gender, language_name, engine_voice, characteristics
):
    entry = entries[voice_id]
    assert (entry.provider, entry.name, entry.gender) == ("google", name, gender)
    assert (entry.language_name, entry.engine_voice, entry.native_rate_hertz) == (language_name, engine_voice, 24_000)
    assert entry.characteristics == characteristics


# Of contract §5 and, where that says "by family", of Google's documentation.
CAPABILITIES = {  # family: model type, ssml, markup, speed, prompt, dialogues, bytes of text, bytes of a stream
    "Chirp3HD": ("premium", False, True, True, False, False, 500_000, 5_000),
    "Chirp-HD": ("premium", False, False, False, False, False, 500_000, 5_000),
    "Studio": ("premium", True, False, True, False, False, 500_000, 5_000),
    "Wavenet": ("premium", True, False, True, False, False, 500_000, 5_000),
    "Neural2": ("premium", True, False, True, False, False, 500_000, 5_000),
    "Standard": ("premium", True, False, True, False, False, 500_000, 5_000),
    "Casual": ("premium", True, False, True, False, False, 500_000, 5_000),
    "News": ("premium", True, False, True, False, False, 500_000, 5_000),
    "Polyglot": ("premium", True, False, True, False, False, 500_000, 5_000),
    "Gemini": ("ultra", True, False, False, True, True, 4_000, 4_000),
}


def test_each_family_can_what_it_can(entries):
    found = {}
    for entry in entries.values():
        found[entry.family] = (
            entry.model_type, entry.supports_ssml, entry.supports_markup, entry.supports_speed, entry.supports_prompt,
            entry.supports_multispeaker, entry.max_text_bytes, entry.max_stream_bytes,
        )  # fmt: skip
        assert entry.supports_streaming
        assert entry.output_formats == ("wav", "mp3", "ogg_opus")
    assert found == CAPABILITIES


def test_the_thirty_voices_that_gemini_and_chirp_share_have_a_style():
    assert len(STYLES) == 30


# --- credentials ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"type": "authorized_user"}, "is not a service account key"),
        ({"type": None}, "is not a service account key"),
        ({"private_key": None}, "has no private_key"),
        ({"client_email": ""}, "has no client_email"),
    ],
)
def test_a_file_that_is_no_key_is_named_as_the_reason(peer, settings, tmp_path, changed, reason):  # noqa: F811
    settings.GOOGLE_APPLICATION_CREDENTIALS = str(write_credentials(tmp_path / "key.json", **changed))
    engine = GoogleEngine()
    assert engine.unavailable_reason().endswith(reason)
    assert engine.voices() == []
    assert peer.listings == 0


def test_without_credentials_nothing_is_asked_and_the_reason_is_given(peer, settings, tmp_path):  # noqa: F811
    engine = GoogleEngine()
    settings.GOOGLE_APPLICATION_CREDENTIALS = ""
    assert engine.unavailable_reason() == "GOOGLE_APPLICATION_CREDENTIALS is not set"
    with pytest.raises(EngineUnavailable, match="GOOGLE_APPLICATION_CREDENTIALS is not set"):
        engine.describe()
    settings.GOOGLE_APPLICATION_CREDENTIALS = str(tmp_path / "nowhere.json")
    assert engine.unavailable_reason() == "the file in GOOGLE_APPLICATION_CREDENTIALS cannot be read"
    (tmp_path / "text.json").write_text("hello")
    settings.GOOGLE_APPLICATION_CREDENTIALS = str(tmp_path / "text.json")
    assert "is not a service account key" in engine.unavailable_reason()
    assert engine.voices() == []
    with pytest.raises(EngineUnavailable):
        engine.warm_up()


def test_a_key_that_cannot_be_read_makes_the_engine_unavailable_when_it_is_used(peer, settings, tmp_path):  # noqa: F811
    path = write_credentials(tmp_path / "key.json", private_key="-----BEGIN PRIVATE KEY-----\nx\n")
    settings.GOOGLE_APPLICATION_CREDENTIALS = str(path)
    with pytest.raises(EngineUnavailable, match="cannot be used"):
        GoogleEngine().voices()


def test_it_describes_itself(peer):  # noqa: F811
    engine = GoogleEngine()
    about = engine.describe()
    assert str(about.pop("version")).startswith("google-cloud-texttospeech 2.")
    assert about == {"endpoint": peer.endpoint, "sample_rate_hertz": 24_000, "voices": 60}
    peer.listing_error = "UNAVAILABLE"
    with pytest.raises(TransientEngineError):
        engine.describe()
    engine.close()


def test_an_installation_without_google_pays_nothing_for_it(tmp_path):
    """Neither its library nor gRPC is imported by looking at the engine."""
    program = (
        "import sys, django; django.setup();"
        "from speech.engines.registry import all_engines;"
        "print([(e.name, e.voices(), e.unavailable_reason()) for e in all_engines() if e.name == 'google']);"
        "print(sorted({'grpc', 'google.cloud.texttospeech_v1', 'google.api_core'} & set(sys.modules)))"
    )
    environment = {"DJANGO_SETTINGS_MODULE": "config.settings", "DATA_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[('google', [], 'GOOGLE_APPLICATION_CREDENTIALS is not set')]\n[]\n"
