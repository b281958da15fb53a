"""What a request would cost, and what an account can spend: for programs, without making anything."""

import pytest

from accounts.models import IdempotencyRecord
from billing.models import Balance, LedgerEntry
from tests.conftest import ApiClient
from tests.factories import make_account, make_key
from tests.support.envelopes import ANNIE, data_of, error_of, everything_that_costs
from tts.models import Job

pytestmark = pytest.mark.django_db

QUOTE = "/api/v1/tts/quote"


@pytest.fixture
def api(voices: None) -> ApiClient:
    return ApiClient(make_key(make_account("Acme", credits="2.5"))[1])


def test_a_quote_is_what_the_job_then_costs(api):
    body = {"text": "Good morning, Zoë.", "voice_id": ANNIE, "output_format": "mp3"}
    quote = data_of(api.post(QUOTE, body))
    assert quote == {
        "voice_id": ANNIE,
        "model_type": "premium",
        "chars_charged": 18,
        "credits_charged": "0.018",
        "credits_available": "2.5",
        "is_affordable": True,
    }
    job = data_of(api.post("/api/v1/tts", body), 202)
    assert (job["chars_charged"], job["credits_charged"]) == (quote["chars_charged"], quote["credits_charged"])


def test_a_quote_makes_and_charges_nothing(api):
    before = everything_that_costs()
    answer = api.post(QUOTE, {"text": "Hello.", "voice_id": ANNIE}, headers={"Idempotency-Key": "one"})
    data_of(answer)
    assert everything_that_costs() == before
    assert not Job.objects.exists()
    assert not IdempotencyRecord.objects.exists()
    assert answer.headers["X-RateLimit-Bucket"] == "read"


def test_too_few_credits_are_part_of_the_answer(api):
    quote = data_of(api.post(QUOTE, {"text": "a" * 2501, "voice_id": ANNIE}))
    assert (quote["credits_charged"], quote["credits_available"], quote["is_affordable"]) == ("2.501", "2.5", False)


def test_a_debt_leaves_nothing_to_spend(api):
    Balance.objects.update(debt_microcredits=1)
    quote = data_of(api.post(QUOTE, {"text": "a", "voice_id": ANNIE}))
    assert (quote["credits_available"], quote["is_affordable"]) == ("0", False)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"voice_id": ANNIE}, "VALIDATION_ERROR"),
        ({"text": " ", "voice_id": ANNIE}, "VALIDATION_ERROR"),
        ({"text": "Hi.", "voice_id": ANNIE, "volume": 3}, "VALIDATION_ERROR"),
        ({"text": "Hi.", "voice_id": ANNIE, "prompt": "Gently."}, "VALIDATION_ERROR"),
        ({"text": "<speak><audio/></speak>", "voice_id": ANNIE, "format": "ssml"}, "VALIDATION_ERROR"),
        ({"text": "Hi.", "voice_id": "espeak:xx-Nobody"}, "INVALID_VOICE"),
    ],
)
def test_what_could_not_be_spoken_is_refused_in_the_same_words(api, body, code):
    quoted, spoken = api.post(QUOTE, body), api.post("/api/v1/tts", body)
    first, second = error_of(quoted, 400, code), error_of(spoken, 400, code)
    assert (first["message"], first.get("details")) == (second["message"], second.get("details"))


def test_a_key_that_may_only_read_gets_a_quote(voices):
    reader = ApiClient(make_key(make_account("Acme"), scopes=("speech:read",))[1])
    data_of(reader.post(QUOTE, {"text": "Hello.", "voice_id": ANNIE}))


# --- what is left ---------------------------------------------------------------------------------


def test_credits_are_told_exactly(voices):
    account = make_account("Acme", plan="pro", credits="12.000001")
    api = ApiClient(make_key(account)[1])
    api.post("/api/v1/tts", {"text": "Hello.", "voice_id": ANNIE})
    data = data_of(api.get("/api/v1/credits"))
    month = data["key"].pop("month")
    assert data == {
        "available": "11.994001",
        "debt": "0",
        "plan": "pro",
        "key": {"spent": "0.006", "monthly_cap": None},
    }
    assert month == f"{LedgerEntry.objects.get(kind='charge').created_at:%Y-%m}"


def test_every_answer_with_speech_says_its_price_and_what_is_left(api):
    def told(answer) -> tuple[str, str]:
        return answer.headers["X-Credits-Charged"], answer.headers["X-Credits-Remaining"]

    assert told(api.post("/api/v1/tts", {"text": "a" * 500, "voice_id": ANNIE})) == ("0.5", "2")
    assert told(api.post("/api/v1/tts/stream", {"text": "a" * 250, "voice_id": ANNIE})) == ("0.25", "1.75")
