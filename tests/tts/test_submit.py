"""`POST /api/v1/tts`: what is accepted, what a voice does not take, what it costs."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Account, ApiKey
from billing.models import Balance, LedgerEntry, Price
from speech.ssml import check_ssml
from tests.conftest import ApiClient
from tests.factories import make_account, make_key
from tests.support.envelopes import ANNIE, data_of, error_of, everything_that_costs, statements
from tts.models import Job
from voices.models import Voice

pytestmark = pytest.mark.django_db

PATH = "/api/v1/tts"
BODY: dict[str, Any] = {"text": "Hello there.", "voice_id": ANNIE}


def refused(api: ApiClient, body: Any, status: int, code: str) -> dict[str, Any]:
    """The error, after checking that nothing happened but the refusal."""
    before = everything_that_costs()
    error = error_of(api.post(PATH, body), status, code)
    assert everything_that_costs() == before
    return error


def submit(api: ApiClient, **fields: Any) -> Job:
    return Job.objects.get(pk=data_of(api.post(PATH, BODY | fields), 202)["job_id"])


# --- accepted ------------------------------------------------------------------------------------


def test_an_accepted_text_is_a_pending_job_that_is_paid_for(
    api: ApiClient, account: Account, key: tuple[ApiKey, str], voices
):
    text = "The quick brown fox jumps over a lazy dog."
    response = api.post(PATH, {"text": text, "voice_id": ANNIE})
    data = data_of(response, 202)
    job = Job.objects.get()
    assert data == {
        "job_id": str(job.pk),
        "status": "pending",
        "poll_url": f"/api/v1/tts/{job.pk}",
        "audio_endpoint": f"/api/v1/tts/{job.pk}/audio",
        "chars_charged": 42,
        "credits_charged": "0.042",
    }
    assert response.headers["Location"] == data["poll_url"]
    assert (job.account, job.api_key, job.status, job.text) == (account, key[0], "pending", text)
    assert (job.provider, job.queue, job.speed, job.text_format) == ("espeak", "speech.espeak", 1.0, "text")
    charge = LedgerEntry.objects.get(kind="charge")
    assert (charge.account, charge.job_id, charge.amount_microcredits) == (account, job.pk, -42_000)
    assert charge.actor == f"key:{key[0].pk}"
    assert Balance.objects.get(account=account).available_microcredits == 99_958_000


def test_voice_is_another_name_of_voice_id(api: ApiClient, voices):
    data_of(api.post(PATH, {"text": "Hello.", "voice": ANNIE}), 202)
    data_of(api.post(PATH, {"text": "Hello.", "voice": ANNIE, "voice_id": ANNIE}), 202)
    assert list(Job.objects.values_list("voice_id", flat=True)) == [ANNIE, ANNIE]


def test_defaults_may_be_spelled_out(api: ApiClient, voices):
    job = submit(
        api,
        model_type="premium",
        speed=1,
        format="text",
        output_format="wav",
        speaker_type="single",
        delivery_mode="async",
        metadata={},
    )
    assert (job.output_format, job.sample_rate_hertz, job.bitrate_kbps, job.metadata) == ("wav", 22_050, None, {})


@pytest.mark.parametrize("speed", [0.25, 1, 1.0, 2, 3.999, 4, 4.0])
def test_the_speed_is_kept(api: ApiClient, voices, speed: float):
    assert submit(api, speed=speed).speed == speed


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        {},
        {"order": 7, "tags": ["a", None, True, 1.5], "deep": {"é": {"\U0001f600": "\u2028"}}, "": "", "a.b": {"$c": 1}},
    ],
)
def test_metadata_comes_back_as_it_was(api: ApiClient, voices, metadata: dict[str, Any] | None):
    body = BODY if metadata is None else BODY | {"metadata": metadata}
    data = data_of(api.post(PATH, body), 202)
    assert data_of(api.get(data["poll_url"]))["metadata"] == metadata


@pytest.mark.parametrize(
    "text",
    [
        "a\nb\r\n\tc",
        " leading and trailing ",
        "\u200b",
        "\ufeff",
        "\x01\x02",
        "\u202eright to left",
        "'; DROP TABLE tts_job; --",
        "<speak>not read</speak>",
        "\U0010ffff",
    ],
)
def test_a_text_is_kept_to_the_character(api: ApiClient, voices, text: str):
    job = submit(api, text=text)
    assert (job.text, job.chars_charged) == (text, len(text))


# --- what it costs -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, chars, credits",
    [
        ("a", 1, "0.001"),
        ("é", 1, "0.001"),  # one code point, two bytes
        ("e\u0301", 2, "0.002"),  # the same letter as two
        ("\U0001f600", 1, "0.001"),  # four bytes, two UTF-16 units
        ("\U0001f468\u200d\U0001f469\u200d\U0001f467", 5, "0.005"),  # one family on the screen
        ("\U0001f1e9\U0001f1ea", 2, "0.002"),
        ("日本語", 3, "0.003"),
        ("  a  ", 5, "0.005"),
        ("a" * 1_000, 1_000, "1"),
        ("a" * 2_500, 2_500, "2.5"),
        ("a" * 100_000, 100_000, "100"),
    ],
)
def test_code_points_are_billed_and_the_price_is_exact(
    api: ApiClient, account: Account, voices, text: str, chars: int, credits: str
):
    data = data_of(api.post(PATH, BODY | {"text": text}), 202)
    assert (data["chars_charged"], data["credits_charged"]) == (chars, credits)
    assert Balance.objects.get(account=account).available_microcredits == 100_000_000 - chars * 1_000


@pytest.mark.parametrize("price, credits", [(1, "0.000012"), (4_000, "0.048"), (1_234_567, "14.814804")])
def test_the_price_is_the_row_that_an_operator_set(api: ApiClient, voices, price: int, credits: str):
    Price.objects.filter(pk="premium").update(microcredits_per_character=price)
    assert data_of(api.post(PATH, BODY), 202)["credits_charged"] == credits


def test_an_ultra_voice_has_its_own_price(api: ApiClient, voices):
    Voice.objects.filter(voice_id=ANNIE).update(model_type="ultra")
    data = data_of(api.post(PATH, BODY | {"model_type": "ultra"}), 202)
    assert (data["chars_charged"], data["credits_charged"]) == (12, "0.048")


def test_the_prompt_is_billed_together_with_the_text(api: ApiClient, voices):
    Voice.objects.filter(voice_id=ANNIE).update(supports_prompt=True)
    data = data_of(api.post(PATH, BODY | {"prompt": "Warmly, é."}), 202)
    assert (data["chars_charged"], data["credits_charged"]) == (22, "0.022")


def test_a_price_of_nothing_needs_no_credits(voices):
    Price.objects.update(microcredits_per_character=0)
    api = ApiClient(make_key(make_account(credits=0))[1])
    assert data_of(api.post(PATH, BODY), 202)["credits_charged"] == "0"
    assert LedgerEntry.objects.count() == 0


@pytest.mark.parametrize(
    "credits, text, message",
    [
        ("2.5", "a" * 5_000, "Need 5.00 credits, have 2.50"),
        ("2.509999", "a" * 4_991, "Need 5.00 credits, have 2.50"),
        ("0", "a", "Need 0.01 credits, have 0.00"),
        ("0.011999", "a" * 12, "Need 0.02 credits, have 0.01"),
        ("1", "a" * 1_001, "Need 1.01 credits, have 1.00"),
        ("1.5", "a" * 2_000_00, "Need 200.00 credits, have 1.50"),
    ],
)
def test_what_cannot_be_paid_is_refused_with_the_figures(voices, credits: str, text: str, message: str):
    api = ApiClient(make_key(make_account(credits=credits))[1])
    error = refused(api, BODY | {"text": text}, 402, "INSUFFICIENT_CREDITS")
    assert error["message"] == message
    assert "details" not in error


def test_the_last_credit_can_be_spent_to_nothing(voices):
    acme = make_account(credits="0.012")
    api = ApiClient(make_key(acme)[1])
    data_of(api.post(PATH, BODY), 202)
    assert Balance.objects.get(account=acme).available_microcredits == 0
    refused(api, BODY | {"text": "a"}, 402, "INSUFFICIENT_CREDITS")


def test_a_debt_blocks_new_speech(api: ApiClient, account: Account, voices):
    Balance.objects.filter(account=account).update(debt_microcredits=1)
    assert refused(api, BODY, 402, "INSUFFICIENT_CREDITS")["message"] == "Need 0.02 credits, have 0.00"


# --- voices that will not do ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "voice_id",
    [
        "espeak:en-US-eSpeak-Nobody",
        "Annie",
        ANNIE.upper(),
        ANNIE + "x",
        "%",
        "'; --",
        "\U0001f600",
    ],
)
def test_an_unknown_voice_is_named(api: ApiClient, voices, voice_id: str):
    error = refused(api, BODY | {"voice_id": voice_id}, 400, "INVALID_VOICE")
    assert error["message"] == f"There is no voice {voice_id!r}. GET /api/v1/voices lists them."


def test_a_voice_of_a_provider_that_cannot_be_asked_says_why(api: ApiClient, voices):
    voice_id = "google:en-US-Chirp3HD-Kore"
    message = refused(api, BODY | {"voice_id": voice_id}, 400, "INVALID_VOICE")["message"]
    assert message == f"The voice {voice_id} is not available here: GOOGLE_APPLICATION_CREDENTIALS is not set."


def test_a_voice_that_its_engine_no_longer_has_is_unknown(api: ApiClient, voices):
    Voice.objects.filter(voice_id=ANNIE).update(is_listed=False)
    assert "There is no voice" in refused(api, BODY, 400, "INVALID_VOICE")["message"]


def test_a_disabled_voice_is_said_to_be_disabled(api: ApiClient, voices):
    Voice.objects.filter(voice_id=ANNIE).update(is_enabled=False)
    assert refused(api, BODY, 400, "INVALID_VOICE")["message"] == f"The voice {ANNIE} is disabled."


def test_a_voice_whose_engine_is_not_available_says_why(api: ApiClient, voices):
    Voice.objects.filter(voice_id=ANNIE).update(unavailable_reason="its library is missing")
    message = refused(api, BODY, 400, "INVALID_VOICE")["message"]
    assert message == f"The voice {ANNIE} is not available here: its library is missing."


# --- what a voice does not take ------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields, field, message",
    [
        ({"model_type": "ultra"}, "model_type", "Annie is a premium voice."),
        ({"model": "gemini-2.5-pro-tts"}, "model", "Annie does not accept a model."),
        ({"prompt": "Warmly."}, "prompt", "Annie does not accept a prompt."),
        ({"format": "markup"}, "format", "Annie does not support markup."),
        ({"speaker_type": "multi"}, "speaker_type", "Annie does not support multiple speakers."),
        ({"voice_speaker_1": ANNIE}, "voice_speaker_1", "Annie does not support multiple speakers."),
        ({"voice_speaker_2": ANNIE}, "voice_speaker_2", "Annie does not support multiple speakers."),
    ],
    ids=str,
)
def test_what_a_voice_does_not_take_is_refused_and_names_the_field(
    api: ApiClient, voices, fields: dict[str, str], field: str, message: str
):
    assert refused(api, BODY | fields, 400, "VALIDATION_ERROR")["details"] == {field: [message]}


@pytest.mark.parametrize(
    "column, value, fields, field",
    [
        ("supports_speed", False, {"speed": 1.5}, "speed"),
        ("supports_ssml", False, {"format": "ssml", "text": "<speak>Hi.</speak>"}, "format"),
        ("supports_streaming", False, {"delivery_mode": "stream"}, "delivery_mode"),
        ("output_formats", ["wav"], {"output_format": "mp3"}, "output_format"),
    ],
    ids=str,
)
def test_it_is_the_catalogue_that_says_what_a_voice_takes(
    api: ApiClient, voices, column: str, value: Any, fields: dict[str, Any], field: str
):
    Voice.objects.filter(voice_id=ANNIE).update(**{column: value})
    assert list(refused(api, BODY | fields, 400, "VALIDATION_ERROR")["details"]) == [field]


def test_the_normal_speed_is_no_wish(api: ApiClient, voices):
    Voice.objects.filter(voice_id=ANNIE).update(supports_speed=False)
    data_of(api.post(PATH, BODY | {"speed": 1.0}), 202)


@pytest.mark.parametrize("plan", ["payg", "pro", "enterprise"])
@pytest.mark.parametrize("url", ["https://example.com/hook", "http://localhost/", "nonsense"])
def test_a_webhook_url_without_an_enabled_endpoint_is_forbidden(voices, plan: str, url: str):
    api = ApiClient(make_key(make_account(plan=plan))[1])
    assert "webhook_url" in refused(api, BODY | {"webhook_url": url}, 403, "FORBIDDEN")["message"]


# --- encodings -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields, encoding",
    [
        ({}, ("wav", 22_050, None, 1)),
        ({"output_format": "wav", "sample_rate_hertz": 8_000}, ("wav", 8_000, None, 1)),
        ({"output_format": "wav", "sample_rate_hertz": 48_000}, ("wav", 48_000, None, 1)),
        ({"output_format": "mp3"}, ("mp3", 22_050, 128, 1)),
        ({"output_format": "mp3", "sample_rate_hertz": 8_000}, ("mp3", 8_000, 64, 1)),
        ({"output_format": "mp3", "sample_rate_hertz": 48_000}, ("mp3", 48_000, 128, 1)),
        ({"output_format": "mp3", "output_bitrate_kbps": 144}, ("mp3", 22_050, 144, 1)),
        ({"output_format": "mp3", "output_bitrate_kbps": 320}, ("mp3", 44_100, 320, 1)),
        ({"output_format": "mp3", "sample_rate_hertz": 44_100, "output_bitrate_kbps": 32}, ("mp3", 44_100, 32, 1)),
        ({"output_format": "ogg_opus"}, ("ogg_opus", 48_000, 64, 1)),
        ({"output_format": "ogg_opus", "output_bitrate_kbps": 6}, ("ogg_opus", 48_000, 6, 1)),
        ({"output_format": "ogg_opus", "output_bitrate_kbps": 256}, ("ogg_opus", 48_000, 256, 1)),
        ({"output_format": "ogg_opus", "output_bitrate_kbps": 257}, ("ogg_opus", 48_000, 257, 2)),
        (
            {"output_format": "ogg_opus", "sample_rate_hertz": 16_000, "output_bitrate_kbps": 320},
            ("ogg_opus", 16_000, 320, 2),
        ),
    ],
    ids=str,
)
def test_an_encoding_is_what_was_asked_or_the_default(
    api: ApiClient, voices, fields: dict[str, Any], encoding: tuple[Any, ...]
):
    job = submit(api, **fields)
    assert (job.output_format, job.sample_rate_hertz, job.bitrate_kbps, job.channels) == encoding


@pytest.mark.parametrize(
    "fields, field, nearest",
    [
        (
            {"output_format": "wav", "output_bitrate_kbps": 64},
            "output_bitrate_kbps",
            "does not accept output_bitrate_kbps",
        ),
        ({"output_format": "ogg_opus", "sample_rate_hertz": 12_000}, "sample_rate_hertz", "values are 8000 and 16000."),
        ({"output_format": "ogg_opus", "sample_rate_hertz": 22_050}, "sample_rate_hertz", "value is 24000."),
        ({"output_format": "ogg_opus", "sample_rate_hertz": 44_100}, "sample_rate_hertz", "value is 48000."),
        ({"output_format": "ogg_opus", "output_bitrate_kbps": 5}, "output_bitrate_kbps", "value is 6."),
        ({"output_format": "ogg_opus", "output_bitrate_kbps": 321}, "output_bitrate_kbps", "value is 320."),
        ({"output_format": "mp3", "output_bitrate_kbps": 31}, "output_bitrate_kbps", "value is 32."),
        ({"output_format": "mp3", "output_bitrate_kbps": 321}, "output_bitrate_kbps", "value is 320."),
        ({"output_format": "mp3", "output_bitrate_kbps": 129}, "output_bitrate_kbps", "value is 128."),
        ({"output_format": "mp3", "output_bitrate_kbps": 0}, "output_bitrate_kbps", "value is 32."),
        ({"output_format": "mp3", "output_bitrate_kbps": -(10**30)}, "output_bitrate_kbps", "value is 32."),
        (
            {"output_format": "mp3", "sample_rate_hertz": 8_000, "output_bitrate_kbps": 128},
            "output_bitrate_kbps",
            "value is 64.",
        ),
        (
            {"output_format": "mp3", "sample_rate_hertz": 24_000, "output_bitrate_kbps": 192},
            "output_bitrate_kbps",
            "value is 160.",
        ),
        (
            {"output_format": "mp3", "sample_rate_hertz": 44_100, "output_bitrate_kbps": 144},
            "output_bitrate_kbps",
            "values are 128 and 160.",
        ),
    ],
    ids=str,
)
def test_an_impossible_encoding_names_the_nearest_possible_value(
    api: ApiClient, voices, fields: dict[str, Any], field: str, nearest: str
):
    details = refused(api, BODY | fields, 400, "VALIDATION_ERROR")["details"]
    assert list(details) == [field]
    assert nearest in details[field][0]


# --- what it costs the database ------------------------------------------------------------------


def test_a_submission_asks_the_database_little(api: ApiClient, voices):
    data_of(api.post(PATH, BODY), 202)  # the first one notes the key's use, and whether there is maintenance
    with CaptureQueriesContext(connection) as queries:
        data_of(api.post(PATH, BODY), 202)
    assert statements(queries.captured_queries) == [
        "SELECT accounts_apikey",  # with its account and plan
        "SELECT voices_voice",
        "SELECT billing_price",
        "UPDATE billing_balance",  # pays, or does not
        "SELECT billing_balance",  # what the entry says is left
        "INSERT billing_ledgerentry",
        "UPDATE billing_keymonth",  # within the key's cap, or not
        "INSERT tts_job",
    ]


def test_an_idempotency_key_costs_two_statements_more_and_a_replay_charges_nothing(api: ApiClient, voices):
    def submit_with_key() -> list[str]:
        with CaptureQueriesContext(connection) as queries:
            data_of(api.post(PATH, BODY, headers={"Idempotency-Key": "k"}), 202)
        return statements(queries.captured_queries)

    data_of(api.post(PATH, BODY), 202)
    assert submit_with_key() == [
        "SELECT accounts_apikey",
        "SELECT voices_voice",
        "INSERT accounts_idempotencyrecord",  # the claim
        "SELECT billing_price",
        "UPDATE billing_balance",
        "SELECT billing_balance",
        "INSERT billing_ledgerentry",
        "UPDATE billing_keymonth",
        "INSERT tts_job",
        "UPDATE accounts_idempotencyrecord",  # the answer
    ]
    assert submit_with_key() == [
        "SELECT accounts_apikey",
        "SELECT voices_voice",
        "INSERT accounts_idempotencyrecord",  # refused by the unique constraint
        "SELECT accounts_idempotencyrecord",
        "SELECT tts_job",  # what it cost
        "SELECT billing_balance",
    ]


@pytest.mark.parametrize("ssml", ["<speak>Fine.</speak>", "<speak>Not closed."])
def test_nobody_waits_for_the_database_while_ssml_is_read(
    ssml: str, api: ApiClient, voices, committed_db, monkeypatch: pytest.MonkeyPatch
):
    within: list[bool] = []

    def read(text: str) -> None:
        within.append(connection.in_atomic_block)
        check_ssml(text)

    monkeypatch.setattr("tts.requests.check_ssml", read)
    response = api.post(PATH, BODY | {"text": ssml, "format": "ssml"})
    assert (response.status_code, within) == (400 if ssml.endswith("closed.") else 202, [False])
