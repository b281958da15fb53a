"""`POST /api/v1/tts` with model, prompt and dialogues: what is kept and billed, and what a voice does not take."""

from typing import Any

import pytest

from billing.models import LedgerEntry
from tests.conftest import ApiClient
from tests.support.envelopes import ANNIE, data_of, error_of, everything_that_costs
from tests.support.google import (  # noqa: F401
    CHIRP,
    KORE,
    PUCK,
    WAVENET,
    google_voices,
    one_google_peer,
    peer,
)
from tts.models import Job
from voices.models import Voice

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("google_voices")]

PATH = "/api/v1/tts"
DIALOGUE = "Speaker 1: Shall we?\nSpeaker 2: Gladly."
MODELS = (
    "Kore supports only gemini-2.5-flash-tts, gemini-2.5-pro-tts, gemini-2.5-flash-lite-preview-tts, "
    "gemini-3.1-flash-tts-preview."
)
OF_A_KIND = "Must be a Gemini voice of google in en-US, like Kore."


def gemini(**fields: Any) -> dict[str, Any]:
    return {"text": "Hello.", "voice_id": KORE} | fields


def dialogue(**fields: Any) -> dict[str, Any]:
    two = {"speaker_type": "multi", "voice_speaker_1": KORE, "voice_speaker_2": PUCK}
    return gemini(text=DIALOGUE) | two | fields


def refused(api: ApiClient, body: dict[str, Any], code: str = "VALIDATION_ERROR") -> dict[str, Any]:
    """The error, after checking that nothing happened but the refusal."""
    before = everything_that_costs()
    error = error_of(api.post(PATH, body), 400, code)
    assert everything_that_costs() == before
    return error


# --- accepted ------------------------------------------------------------------------------------


def test_model_and_prompt_are_kept_and_the_prompt_is_billed_at_the_ultra_price(api: ApiClient):
    body = gemini(model="gemini-2.5-pro-tts", prompt="Warmly, é.", model_type="ultra")
    data = data_of(api.post(PATH, body), 202)
    assert (data["chars_charged"], data["credits_charged"]) == (16, "0.064")
    job = Job.objects.get()
    assert (job.model, job.prompt, job.speakers) == ("gemini-2.5-pro-tts", "Warmly, é.", None)
    assert (job.provider, job.queue, job.sample_rate_hertz) == ("google", "speech.remote", 24_000)
    assert LedgerEntry.objects.get(kind="charge").amount_microcredits == -64_000


@pytest.mark.parametrize(
    "model",
    ["gemini-2.5-flash-tts", "gemini-2.5-pro-tts", "gemini-2.5-flash-lite-preview-tts", "gemini-3.1-flash-tts-preview"],
)
def test_each_model_of_google_is_taken(api: ApiClient, model: str):
    data_of(api.post(PATH, gemini(model=model)), 202)
    assert Job.objects.get().model == model


def test_neither_is_needed(api: ApiClient):
    data_of(api.post(PATH, gemini()), 202)
    assert (Job.objects.get().model, Job.objects.get().prompt) == ("", "")


def test_text_and_prompt_may_have_four_thousand_bytes_each(api: ApiClient):
    data = data_of(api.post(PATH, gemini(text="é" * 2_000, prompt="p" * 4_000)), 202)
    assert (data["chars_charged"], data["credits_charged"]) == (6_000, "24")


def test_a_dialogue_is_kept_with_the_names_that_google_has_for_the_two(api: ApiClient):
    data = data_of(api.post(PATH, dialogue(prompt="At dusk.")), 202)
    assert data["chars_charged"] == len(DIALOGUE) + 8
    job = Job.objects.get()
    assert (job.voice_id, job.text, job.speakers) == (KORE, DIALOGUE, ["Kore", "Puck"])


def test_one_voice_may_speak_with_itself(api: ApiClient):
    data_of(api.post(PATH, dialogue(voice_speaker_2=KORE)), 202)
    assert Job.objects.get().speakers == ["Kore", "Kore"]


def test_markup_is_for_chirp_3(api: ApiClient):
    body = {"text": "Wait. [pause] Go.", "voice_id": CHIRP, "format": "markup", "speed": 1.5}
    assert data_of(api.post(PATH, body), 202)["credits_charged"] == "0.017"
    assert (Job.objects.get().text_format, Job.objects.get().speed) == ("markup", 1.5)


# --- refused -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        (gemini(model="gemini-1.0-tts"), "model", MODELS),
        (gemini(model="GEMINI-2.5-PRO-TTS"), "model", MODELS),
        (gemini(model_type="premium"), "model_type", "Kore is an ultra voice."),
        (gemini(prompt="p" * 4_001), "prompt", "The prompt is 4,001 bytes. The maximum is 4,000 bytes."),
        (gemini(prompt="é" * 2_001), "prompt", "The prompt is 4,002 bytes. The maximum is 4,000 bytes."),
        (gemini(text="é" * 2_001), "text", "The text is 4,002 bytes. Kore accepts at most 4,000 bytes."),
        (gemini(speed=1.5), "speed", "Kore does not support a custom speed."),
        (gemini(format="markup"), "format", "Kore does not support markup."),
        (gemini(voice_speaker_1=PUCK), "voice_speaker_1", 'Allowed only with speaker_type "multi".'),
        (gemini(voice_speaker_2=PUCK), "voice_speaker_2", 'Allowed only with speaker_type "multi".'),
        (dialogue(format="ssml", text="<speak>Hello.</speak>"), "format", "Dialogues support plain text only."),
        (dialogue(model="gemini-2.5-flash-lite-preview-tts"), "model",
         "Multiple speakers are supported only with gemini-2.5-flash-tts, gemini-2.5-pro-tts, "
         "gemini-3.1-flash-tts-preview."),
        (dialogue(voice_speaker_2=CHIRP), "voice_speaker_2", OF_A_KIND),
        (dialogue(voice_speaker_1=WAVENET), "voice_speaker_1", OF_A_KIND),
        (dialogue(voice_speaker_1="google:de-DE-Gemini-Kore"), "voice_speaker_1", OF_A_KIND),
        (dialogue(text="Hello."), "text",
         'Each turn of a dialogue must start with "Speaker 1:" or "Speaker 2:".'),
        (dialogue(text="Speaker 1:  Speaker 2: "), "text", "The dialogue contains nothing that can be spoken."),
        (dialogue(voice_id=WAVENET), "speaker_type", "A does not support multiple speakers."),
        ({"text": "Hello.", "voice_id": CHIRP, "model": "gemini-2.5-pro-tts"}, "model",
         "Kore does not accept a model."),
        ({"text": "Hello.", "voice_id": CHIRP, "prompt": "Warmly."}, "prompt", "Kore does not accept a prompt."),
        ({"text": "Hello.", "voice_id": CHIRP, "format": "ssml"}, "format", "Kore does not support SSML."),
        ({"text": "Hello.", "voice_id": WAVENET, "format": "markup"}, "format", "A does not support markup."),
        ({"text": "Hello.", "voice_id": "google:en-US-Chirp-HD-F", "speed": 2}, "speed",
         "F does not support a custom speed."),
        ({"text": "a" * 5_001, "voice_id": CHIRP, "delivery_mode": "stream"}, "text",
         "The text is 5,001 bytes. Kore accepts at most 5,000 bytes when streaming."),
        ({"text": "a" * 500_001, "voice_id": CHIRP}, "text",
         "The text is 500,001 bytes. Kore accepts at most 500,000 bytes."),
    ],
    ids=lambda value: None if isinstance(value, dict) else str(value)[:40],
)  # fmt: skip
def test_what_a_voice_does_not_take_names_the_field_and_costs_nothing(
    api: ApiClient, body: dict[str, Any], field: str, message: str
):
    assert refused(api, body)["details"] == {field: [message]}


@pytest.mark.parametrize("missing", ["voice_speaker_1", "voice_speaker_2"])
def test_a_dialogue_needs_both_its_voices(api: ApiClient, missing: str):
    body = dialogue()
    del body[missing]
    assert refused(api, body)["details"] == {missing: ['Required with speaker_type "multi".']}


def test_a_speaker_that_nobody_knows_is_no_voice(api: ApiClient):
    error = refused(api, dialogue(voice_speaker_2="google:en-US-Gemini-Nobody"), "INVALID_VOICE")
    assert error["message"] == "There is no voice 'google:en-US-Gemini-Nobody'. GET /api/v1/voices lists them."


def test_a_speaker_that_is_disabled_does_not_speak(api: ApiClient):
    Voice.objects.filter(voice_id=PUCK).update(is_enabled=False)
    assert refused(api, dialogue(), "INVALID_VOICE")["message"] == f"The voice {PUCK} is disabled."


def test_a_speaker_of_another_provider_is_refused(api: ApiClient, voices):
    # Of an engine that is not configured in this test, so the voice is not to be had at all.
    assert "is not available here" in refused(api, dialogue(voice_speaker_2=ANNIE), "INVALID_VOICE")["message"]
    Voice.objects.filter(voice_id=ANNIE).update(unavailable_reason="", supports_multispeaker=True)
    assert refused(api, dialogue(voice_speaker_2=ANNIE))["details"] == {"voice_speaker_2": [OF_A_KIND]}
