"""Everything under /v1 that goes wrong before any audio: told in OpenAI's form, and nothing charged."""

import itertools
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from accounts import selectors
from accounts.models import Account, ApiKey, IdempotencyRecord
from accounts.services.audit import COMMAND_LINE
from accounts.services.maintenance import start_maintenance
from billing.models import Balance
from tests.conftest import ApiClient
from tests.factories import make_account, make_key
from tests.support.envelopes import RATE_HEADERS, everything_that_costs
from tts.models import Job
from voices.models import ModelAlias, Voice, VoiceAlias

pytestmark = pytest.mark.django_db

SPEECH = "/v1/audio/speech"
BODY = {"model": "tts-1", "voice": "alloy", "input": "Hello."}
AUNTIE = "espeak:en-US-eSpeak-Auntie"  # who stands for alloy, where Kokoro is not installed
INVALID = "invalid_request_error"


def openai_error_of(response: Any, status: int, code: str, *, kind: str = INVALID, param: str | None = None) -> str:
    """The message of a failure, after checking its form and headers."""
    assert (response.status_code, response.headers["Content-Type"]) == (status, "application/json"), response.content
    body = response.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"message", "type", "param", "code"}
    assert (body["error"]["code"], body["error"]["type"], body["error"]["param"]) == (code, kind, param)
    assert response.headers["X-Request-ID"]
    assert [name for name in RATE_HEADERS if name not in response.headers] == []
    message: str = body["error"]["message"]
    assert message.strip()
    return message


# --- addresses and methods -----------------------------------------------------------------------


@pytest.mark.parametrize("method", ["get", "post", "put", "delete", "options"])
@pytest.mark.parametrize(
    "path", ["/v1", "/v1/", "/v1/nothing", "/v1/audio", "/v1/audio/speech/", "/v1/chat/completions"]
)
def test_an_unknown_address_is_told_in_openais_form(anonymous: ApiClient, method: str, path: str):
    openai_error_of(getattr(anonymous.client, method)(path), 404, "unknown_url")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("get", SPEECH, "POST"),
        ("put", SPEECH, "POST"),
        ("post", "/v1/models", "GET, HEAD"),
        ("delete", "/v1/models/tts-1", "GET, HEAD"),
    ],
)
def test_a_wrong_method_is_refused_and_told_the_right_ones(api: ApiClient, method: str, path: str, allowed: str):
    response = getattr(api.client, method)(path, headers=api.headers)
    openai_error_of(response, 405, "method_not_allowed")
    assert response.headers["Allow"] == allowed


def test_a_host_that_is_not_ours_is_refused_in_openais_form(api: ApiClient):
    openai_error_of(api.get("/v1/models", host="evil.example"), 400, "invalid_value")


def test_the_other_addresses_keep_their_own_form(anonymous: ApiClient, db):
    assert anonymous.get("/api/v1/nothing").json()["success"] is False
    assert anonymous.get("/v10").headers["Content-Type"].startswith("text/html")


# --- models --------------------------------------------------------------------------------------


def test_models_are_listed_from_the_rows(api: ApiClient):
    created = {model.name: int(model.created_at.timestamp()) for model in ModelAlias.objects.all()}
    response = api.get("/v1/models")
    assert response.status_code == 200
    assert response.json() == {
        "object": "list",
        "data": [
            {"id": name, "object": "model", "created": created[name], "owned_by": "utterance"}
            for name in ("gpt-4o-mini-tts", "tts-1", "tts-1-hd")
        ],
    }
    assert api.get("/v1/models/tts-1-hd").json() == response.json()["data"][2]
    assert api.get("/v1/models").headers["X-RateLimit-Bucket"] == "read"


@pytest.mark.parametrize("name", ["tts-2", "a/b", "a%0Ab", "%00", "\u4e2d", "tts-1/"])
def test_an_unknown_model_is_not_found(api: ApiClient, name: str):
    openai_error_of(api.get(f"/v1/models/{name}"), 404, "model_not_found", param="model")


# --- bodies --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "param", "message"),
    [
        ({"model": None}, "model", "model: This field is required."),
        ({"input": None}, "input", "input: This field is required."),
        ({"voice": None}, "voice", "voice: This field is required."),
        ({"model": 1}, "model", "model: Not a valid string."),
        ({"input": ""}, "input", "input: This field may not be blank."),
        ({"input": " \n"}, "input", "input: This field may not be blank."),
        ({"input": ["Hello."]}, "input", "input: Not a valid string."),
        ({"voice": 7}, "voice", "voice: Must be a name or an object with an id."),
        ({"voice": {"name": "alloy"}}, "voice", "voice: Must be a name or an object with an id."),
        ({"voice": {"id": ["alloy"]}}, "voice", "voice: Must be a name or an object with an id."),
        ({"speed": 0.24}, "speed", "speed: Must be between 0.25 and 4.0."),
        ({"speed": "1"}, "speed", "speed: A number is required."),
        ({"response_format": "ogg_opus"}, "response_format", 'response_format: "ogg_opus" is not a valid choice.'),
        ({"stream_format": "ws"}, "stream_format", 'stream_format: "ws" is not a valid choice.'),
        ({"instructions": 3}, "instructions", "instructions: Not a valid string."),
    ],
)
def test_a_wrong_field_is_named(api: ApiClient, voices, change: dict[str, Any], param: str, message: str):
    before = everything_that_costs()
    response = api.post(SPEECH, BODY | change)
    assert openai_error_of(response, 400, "invalid_value", param=param) == message
    assert everything_that_costs() == before


@pytest.mark.parametrize(
    ("change", "code", "param", "message"),
    [
        ({"voice": "ember"}, "invalid_voice", "voice", "There is no voice 'ember'. Use one of alloy, ash, "),
        ({"voice": {"id": "voice_1234"}}, "invalid_voice", "voice", "There is no voice 'voice_1234'."),
        ({"voice": "espeak:en-US-eSpeak-Nobody"}, "invalid_voice", "voice", "There is no voice 'espeak:en-US-eSpeak-"),
        ({"voice": {"id": ""}}, "invalid_voice", "voice", "There is no voice ''."),
    ],
)
def test_an_unknown_voice_is_named(api: ApiClient, voices, change: dict[str, Any], code: str, param: str, message: str):
    before = everything_that_costs()
    assert openai_error_of(api.post(SPEECH, BODY | change), 400, code, param=param).startswith(message)
    assert everything_that_costs() == before


def test_an_unknown_model_is_told_even_with_an_unknown_voice(api: ApiClient, voices):
    response = api.post(SPEECH, BODY | {"model": "tts-2", "voice": "ember"})
    message = openai_error_of(response, 404, "model_not_found", param="model")
    assert message == "The model 'tts-2' does not exist. GET /v1/models lists the available models."


def test_what_the_voice_does_not_take_is_told_of_the_fields_that_were_sent(api: ApiClient, voices):
    Voice.objects.filter(voice_id=AUNTIE).update(supports_speed=False)
    message = openai_error_of(api.post(SPEECH, BODY | {"speed": 2}), 400, "invalid_value", param="speed")
    assert message == "speed: Auntie does not support a custom speed."
    ModelAlias.objects.filter(name="tts-1").update(model_type="ultra")
    message = openai_error_of(api.post(SPEECH, BODY | {"voice": AUNTIE}), 400, "invalid_value", param="model")
    assert message == "model: Auntie is a premium voice."
    message = openai_error_of(api.post(SPEECH, BODY), 400, "invalid_voice", param="voice")
    assert message == "None of the voices of 'alloy' is currently available for tts-1."


@pytest.mark.parametrize(
    ("raw", "content_type", "headers", "status", "code"),
    [
        (b"{", "application/json", {}, 400, "invalid_value"),
        (b"[]", "application/json", {}, 400, "invalid_value"),
        (b'{"model": "\xff"}', "application/json", {}, 400, "invalid_value"),
        (b"{}", "multipart/form-data; boundary=x", {}, 415, "unsupported_media_type"),
        (b"{}", "application/json", {"Content-Encoding": "gzip"}, 415, "unsupported_media_type"),
        (b" " * (2 * 1024 * 1024 + 1), "application/json", {}, 413, "payload_too_large"),
    ],
    ids=["no JSON", "no object", "no UTF-8", "a form", "compressed", "too large"],
)
def test_a_body_that_cannot_be_read(
    api: ApiClient, voices, raw: bytes, content_type: str, headers: dict[str, str], status: int, code: str
):
    before = everything_that_costs()
    response = api.client.post(SPEECH, raw, content_type=content_type, headers=api.headers | headers)
    openai_error_of(response, status, code)
    assert everything_that_costs() == before


# --- who, how often, and for how much -------------------------------------------------------------


class Attempt:
    """A request for speech that would be accepted, until faults are put into it."""

    def __init__(self, account: Account, key: str) -> None:
        self.account = account
        self.headers = {"Authorization": f"Bearer {key}"}
        self.body: dict[str, Any] = dict(BODY)

    def maintenance(self) -> None:
        start_maintenance(actor=COMMAND_LINE, reason="A test.")

    def no_key(self) -> None:
        del self.headers["Authorization"]

    def suspended(self) -> None:
        Account.objects.filter(pk=self.account.pk).update(suspended_at=timezone.now())

    def on_the_free_plan(self) -> None:
        Account.objects.filter(pk=self.account.pk).update(plan="free")

    def without_scope(self) -> None:
        ApiKey.objects.filter(account=self.account).update(scopes=["speech:read"])

    def too_often(self) -> None:
        Account.objects.filter(pk=self.account.pk).update(generate_limit_override=0)

    def blank(self) -> None:
        self.body["input"] = " "

    def unknown_model(self) -> None:
        self.body["model"] = "tts-2"

    def key_used_before(self) -> None:
        self.headers["Idempotency-Key"] = "k"
        IdempotencyRecord.objects.create(
            account=self.account, key="k", fingerprint="of another request", job_id=uuid.uuid4(), response_body=b"{}"
        )

    def unknown_voice(self) -> None:
        VoiceAlias.objects.update(is_enabled=False)

    def too_long(self) -> None:
        Voice.objects.update(max_text_bytes=5)

    def no_credits(self) -> None:
        Balance.objects.filter(account=self.account).update(available_microcredits=0)


FAULTS: list[tuple[Callable[[Attempt], None], int, str, str, str | None, str]] = [
    # the fault; status, code, type, param and a part of the message; in the order in which a POST is checked
    (Attempt.maintenance, 503, "maintenance", "server_error", None, "maintenance"),
    (Attempt.no_key, 401, "invalid_api_key", INVALID, None, "Authorization"),
    (Attempt.suspended, 403, "forbidden", INVALID, None, "suspended"),
    (Attempt.on_the_free_plan, 403, "forbidden", INVALID, None, "plan"),
    (Attempt.without_scope, 403, "forbidden", INVALID, None, "scope"),
    (Attempt.too_often, 429, "rate_limit_exceeded", "requests", None, "Rate limit exceeded: 0 requests"),
    (Attempt.blank, 400, "invalid_value", INVALID, "input", "blank"),
    (Attempt.unknown_model, 404, "model_not_found", INVALID, "model", "tts-2"),
    (Attempt.key_used_before, 409, "idempotency_key_reuse", INVALID, None, "Idempotency-Key"),
    (Attempt.unknown_voice, 400, "invalid_voice", INVALID, "voice", "alloy"),
    (Attempt.too_long, 400, "invalid_value", INVALID, "input",
     "input: The text is 6 bytes. Auntie accepts at most 5 bytes."),
    (
        Attempt.no_credits, 429, "insufficient_quota", "insufficient_quota", None, "Need 0.01 credits, have 0.00",
    ),
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault[0].__name__)
def test_each_refusal_has_its_form_and_costs_nothing(account: Account, key: tuple[ApiKey, str], voices, fault: Any):
    put_in, status, code, kind, param, words = fault
    attempt = Attempt(account, key[1])
    put_in(attempt)
    before = everything_that_costs()
    response = ApiClient(None).post(SPEECH, attempt.body, headers=attempt.headers)
    assert words in openai_error_of(response, status, code, kind=kind, param=param)
    assert response.headers["X-RateLimit-Bucket"] == "generate"
    assert everything_that_costs() == before


@pytest.mark.parametrize("earlier, later", list(itertools.pairwise(FAULTS)), ids=lambda fault: fault[0].__name__)
def test_of_two_faults_the_earlier_in_the_order_of_checks_is_told(
    account: Account, key: tuple[ApiKey, str], voices, earlier: Any, later: Any
):
    attempt = Attempt(account, key[1])
    later[0](attempt)
    earlier[0](attempt)
    response = ApiClient(None).post(SPEECH, attempt.body, headers=attempt.headers)
    assert response.json()["error"]["code"] == earlier[2]
    assert earlier[5] in response.json()["error"]["message"]


def test_clients_are_told_when_to_come_back_and_when_not_to(account: Account, key: tuple[ApiKey, str], voices):
    def refused(*faults: Callable[[Attempt], None]) -> tuple[str | None, str | None]:
        attempt = Attempt(account, key[1])
        for fault in faults:
            fault(attempt)
        headers = ApiClient(None).post(SPEECH, attempt.body, headers=attempt.headers).headers
        return headers.get("Retry-After"), headers.get("X-Should-Retry")

    assert refused(Attempt.blank) == (None, None)
    assert refused(Attempt.key_used_before) == (None, "false")
    assert refused(Attempt.no_credits) == (None, "false")
    seconds, should_retry = refused(Attempt.too_often)
    assert (1 <= int(seconds or 0) <= 900, should_retry) == (True, None)
    selectors._maintenance_seen = (float("-inf"), False)
    assert refused(Attempt.maintenance) == ("300", None)


def test_a_nearly_full_store_takes_nothing(api: ApiClient, voices, settings):
    settings.MIN_FREE_BYTES = 2**62
    before = everything_that_costs()
    response = api.post(SPEECH, BODY)
    assert "nearly full" in openai_error_of(response, 503, "capacity", kind="server_error")
    assert response.headers["Retry-After"] == "300"
    assert everything_that_costs() == before


def test_an_unexpected_failure_says_nothing_of_its_cause_and_charges_nothing(
    api: ApiClient, voices, monkeypatch: pytest.MonkeyPatch
):
    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("the password is hunter2")

    before = everything_that_costs()
    monkeypatch.setattr("tts.services.submit.charge_job", fail)
    message = openai_error_of(api.post(SPEECH, BODY), 500, "internal_error", kind="server_error")
    assert "hunter2" not in message
    assert everything_that_costs() == before
    assert not Job.objects.exists()


def test_a_key_of_another_scope_lists_models_or_speaks(account: Account):
    reader = ApiClient(make_key(account, scopes=("speech:read",))[1])
    writer = ApiClient(make_key(account, scopes=("speech:write",))[1])
    assert reader.get("/v1/models").status_code == 200
    openai_error_of(writer.get("/v1/models"), 403, "forbidden")
    openai_error_of(writer.get("/v1/models/tts-1"), 403, "forbidden")


def test_requests_under_both_addresses_count_together(voices):
    api = ApiClient(make_key(make_account(plan="payg"))[1])
    for _ in range(5):
        assert api.post("/api/v1/tts", {"text": "Hello.", "voice_id": AUNTIE}).status_code == 202
        openai_error_of(api.post(SPEECH, {}), 400, "invalid_value", param="model")
    response = api.post(SPEECH, BODY)
    openai_error_of(response, 429, "rate_limit_exceeded", kind="requests")
    assert (response.headers["X-RateLimit-Limit"], response.headers["X-RateLimit-Remaining"]) == ("10", "0")
