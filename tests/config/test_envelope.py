"""What every answer of `/api/*` has, whichever view gives it, and every failure that no view owns."""

import itertools
import logging
import re
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.http import UnreadablePostError
from django.test import Client
from django.utils import timezone

from accounts import selectors
from accounts.models import Account, ApiKey, IdempotencyRecord
from accounts.services.api_keys import revoke_key
from accounts.services.audit import COMMAND_LINE, SYSTEM
from accounts.services.maintenance import start_maintenance
from billing.models import Balance
from tests.conftest import ApiClient
from tests.factories import make_key
from tests.support.cast import own_counters
from tests.support.envelopes import ANNIE, NEVER_WAS, RATE_HEADERS, data_of, error_of, everything_that_costs
from tts.models import Job
from voices.models import Voice

pytestmark = pytest.mark.django_db

BODY = {"text": "Hello.", "voice_id": ANNIE}


# --- request ids ---------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/api/v1/voices", "/api/v1/nothing", "/api/nothing", "/healthz", "/nothing"])
def test_every_answer_has_an_id_of_its_own(anonymous: ApiClient, voices, path: str):
    first, second = (anonymous.get(path).headers["X-Request-ID"] for _ in range(2))
    assert uuid.UUID(first).version == 4
    assert first != second


@pytest.mark.parametrize("given", ["a", "req-42", "01J.a_b:C-9", "x" * 128])
def test_a_sane_request_id_comes_back(anonymous: ApiClient, db, given: str):
    response = anonymous.get("/api/v1/nothing", **{"X-Request-ID": given})
    assert response.headers["X-Request-ID"] == given
    assert response.json()["error"]["request_id"] == given


@pytest.mark.parametrize("given", ["", " ", "a b", "x" * 129, "<script>", "é", 'a"b', "a\tb", "a\x00b", "a,b", "$(id)"])
def test_an_insane_request_id_is_replaced(anonymous: ApiClient, db, given: str):
    response = anonymous.get("/api/v1/nothing", **{"X-Request-ID": given})
    assert uuid.UUID(response.headers["X-Request-ID"]).version == 4
    assert response.json()["error"]["request_id"] == response.headers["X-Request-ID"]


# --- paths, methods, hosts -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/nothing",
        "/api/v1/",
        "/api/v1",
        "/api/v1/tts/",
        "/api/v1/tts/not-a-uuid",
        "/api/v1/voices/a/b",
        "/api/v2/tts",
        "/api/",
        "/api/nothing",
        "/api/user/enterprise/nothing",
        "/api/v1/tts/%00",
        "/api/v1/%ff%fe",
        "/api/v1/\u4e2d",
    ],
)
def test_an_unknown_path_is_not_found_in_the_envelope(anonymous: ApiClient, db, subtests: pytest.Subtests, path: str):
    for method in ("get", "post", "put", "patch", "delete", "options", "head"):
        with subtests.test(method), own_counters():
            response = getattr(anonymous.client, method)(path)
            if method == "head":
                assert response.status_code == 404
                assert response.content == b""
            else:
                error = error_of(response, 404, "NOT_FOUND")
                assert "details" not in error


@pytest.mark.parametrize(
    "method, path, allowed",
    [
        ("put", "/api/v1/tts", "GET, POST, HEAD"),
        ("patch", "/api/v1/tts", "GET, POST, HEAD"),
        ("delete", "/api/v1/tts", "GET, POST, HEAD"),
        ("options", "/api/v1/tts", "GET, POST, HEAD"),
        ("trace", "/api/v1/tts", "GET, POST, HEAD"),
        ("post", f"/api/v1/tts/{NEVER_WAS}", "GET, DELETE, HEAD"),
        ("put", f"/api/v1/tts/{NEVER_WAS}", "GET, DELETE, HEAD"),
        ("post", f"/api/v1/tts/{NEVER_WAS}/audio", "GET, HEAD"),
        ("delete", f"/api/v1/tts/{NEVER_WAS}/audio", "GET, HEAD"),
        ("post", "/api/v1/voices", "GET, HEAD"),
        ("delete", f"/api/v1/voices/{ANNIE}", "GET, HEAD"),
    ],
)
def test_a_wrong_method_is_refused_and_told_the_right_ones(api: ApiClient, method: str, path: str, allowed: str):
    response = getattr(api.client, method)(path, headers=api.headers)
    error_of(response, 405, "METHOD_NOT_ALLOWED")
    assert response.headers["Allow"] == allowed


def test_an_invented_method_is_refused(api: ApiClient):
    error_of(api.client.generic("BREW", "/api/v1/tts", headers=api.headers), 405, "METHOD_NOT_ALLOWED")


@pytest.mark.parametrize("path", ["/api/v1/voices", "/api/v1/tts", "/api/v1/nothing", "/api/nothing"])
@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "a b", "@"])
def test_a_host_that_is_not_ours_is_refused_without_being_repeated(anonymous: ApiClient, db, path: str, host: str):
    error = error_of(anonymous.get(path, host=host), 400, "VALIDATION_ERROR")
    assert "evil" not in error["message"]


def test_pages_and_their_errors_are_not_json(client: Client, db):
    response = client.get("/nothing")
    assert response.status_code == 404
    assert response.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "nonsense", "*/*;q=0"])
def test_whatever_is_accepted_the_answer_is_json(anonymous: ApiClient, voices, accept: str):
    data_of(anonymous.get("/api/v1/voices", accept=accept))
    error_of(anonymous.get("/api/v1/nothing", accept=accept), 404, "NOT_FOUND")


def test_a_thousand_query_parameters_are_a_bad_request(anonymous: ApiClient, api: ApiClient):
    query = "&".join(f"a{number}=1" for number in range(1001))
    error_of(anonymous.get(f"/api/v1/voices?{query}"), 400, "VALIDATION_ERROR")
    error_of(api.get(f"/api/v1/tts?{query}"), 400, "VALIDATION_ERROR")


# --- bodies that are not read --------------------------------------------------------------------


def fail(*args: Any, **kwargs: Any) -> None:
    raise RuntimeError("the password is hunter2")


def post(api: ApiClient, body: bytes, *, content_type: str = "application/json", **headers: str) -> Any:
    return api.client.post("/api/v1/tts", data=body, content_type=content_type, headers=api.headers | headers)


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml",
     "application/jsonp", "application/json5", "json", "", "*/*", ";", "application/ssml+xml"],
)  # fmt: skip
def test_a_body_that_does_not_say_json_is_refused(api: ApiClient, voices, content_type: str):
    before = everything_that_costs()
    error_of(
        post(api, b'{"text": "Hi.", "voice_id": "' + ANNIE.encode() + b'"}', content_type=content_type),
        415,
        "UNSUPPORTED_MEDIA_TYPE",
    )
    assert everything_that_costs() == before


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", "Application/JSON", "application/json;odd"]
)
def test_a_body_that_says_json_is_read_whatever_its_parameters(api: ApiClient, voices, content_type: str):
    data_of(post(api, b'{"text": "Hi.", "voice_id": "' + ANNIE.encode() + b'"}', content_type=content_type), 202)


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "zstd", "GZIP", "gzip, identity", "x"])
def test_a_compressed_body_is_refused(api: ApiClient, voices, encoding: str):
    before = everything_that_costs()
    response = post(api, b'{"text": "Hi.", "voice_id": "' + ANNIE.encode() + b'"}', **{"Content-Encoding": encoding})
    assert "uncompressed" in error_of(response, 415, "UNSUPPORTED_MEDIA_TYPE")["message"]
    assert everything_that_costs() == before


def test_identity_is_no_compression(api: ApiClient, voices):
    response = post(api, b'{"text": "Hi.", "voice_id": "' + ANNIE.encode() + b'"}', **{"Content-Encoding": "identity"})
    data_of(response, 202)


def body_of_bytes(size: int) -> bytes:
    """A valid request, padded with white space to this size."""
    body = b'{"text": "Hi.", "voice_id": "' + ANNIE.encode() + b'"}'
    return body + b" " * (size - len(body))


def test_two_mebibytes_are_read_and_one_byte_more_is_too_large(api: ApiClient, voices):
    data_of(post(api, body_of_bytes(2 * 1024 * 1024)), 202)
    before = everything_that_costs()
    error = error_of(post(api, body_of_bytes(2 * 1024 * 1024 + 1)), 413, "PAYLOAD_TOO_LARGE")
    assert error["message"] == "The body is larger than 2 MiB."
    assert everything_that_costs() == before


def test_ten_megabytes_are_too_large(api: ApiClient, voices):
    error_of(post(api, b'{"text": "' + b"a" * 10_000_000 + b'"}'), 413, "PAYLOAD_TOO_LARGE")


def test_a_body_that_is_declared_too_large_is_not_read(api: ApiClient, voices, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("django.http.HttpRequest.read", fail)
    response = api.client.post(
        "/api/v1/tts", b"{}", content_type="application/json", headers=api.headers, CONTENT_LENGTH="99999999999"
    )
    error_of(response, 413, "PAYLOAD_TOO_LARGE")


def test_a_length_of_five_thousand_digits_is_no_failure_of_ours(api: ApiClient, voices):
    response = api.client.post(
        "/api/v1/tts", b"{}", content_type="application/json", headers=api.headers, CONTENT_LENGTH="9" * 5000
    )
    error_of(response, 400, "VALIDATION_ERROR")


def test_a_body_that_breaks_off_is_the_senders_fault(api: ApiClient, voices, monkeypatch: pytest.MonkeyPatch):
    def break_off(self: Any, *args: Any) -> bytes:
        raise UnreadablePostError("connection reset")

    monkeypatch.setattr("django.http.HttpRequest.read", break_off)
    before = everything_that_costs()
    assert error_of(post(api, b"{}"), 400, "VALIDATION_ERROR")["message"] == "The request body is incomplete."
    assert everything_that_costs() == before


def test_strangers_are_refused_before_their_body_is_read(anonymous: ApiClient, voices):
    error_of(post(anonymous, b"a" * 3_000_000, content_type="text/plain"), 401, "UNAUTHORIZED")


# --- failures of our own -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "where, path",
    [
        ("tts.api.jobs.get_job", f"/api/v1/tts/{NEVER_WAS}"),
        ("tts.api.jobs.get_job_with_audio", f"/api/v1/tts/{NEVER_WAS}/audio"),
        ("tts.api.jobs.list_jobs", "/api/v1/tts"),
        ("voices.api.list_voices", "/api/v1/voices"),
        ("accounts.admission.is_in_maintenance", "/api/v1/voices"),
        ("accounts.api.key_auth.find_api_key", "/api/v1/tts"),
        ("accounts.api.key_auth.ApiView.initialize_request", "/api/v1/voices"),
        ("accounts.api.key_auth.ApiNotFound.initial", "/api/v1/nothing"),
    ],
)
def test_an_unexpected_failure_is_an_internal_error_that_says_nothing_of_its_cause(
    api: ApiClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, where: str, path: str
):
    monkeypatch.setattr(where, fail)
    with caplog.at_level(logging.ERROR):
        error = error_of(api.get(path), 500, "INTERNAL_ERROR")
    assert "hunter2" not in str(error)
    assert "hunter2" in caplog.text  # for those who run it


@pytest.mark.parametrize(
    "where",
    [
        "tts.services.submit.get_voice_for_speech",
        "tts.services.submit.charge_job",
        "tts.services.submit.accepted_data",
        "accounts.services.idempotency.remember",
    ],
)
def test_a_failure_during_submission_charges_nothing_and_releases_the_key(
    api: ApiClient, voices, monkeypatch: pytest.MonkeyPatch, where: str
):
    before = everything_that_costs()
    with monkeypatch.context() as patch:
        patch.setattr(where, fail)
        error_of(api.post("/api/v1/tts", BODY, headers={"Idempotency-Key": "k"}), 500, "INTERNAL_ERROR")
    assert everything_that_costs() == before
    data_of(api.post("/api/v1/tts", BODY, headers={"Idempotency-Key": "k"}), 202)


# --- the four headers of the rate limit -----------------------------------------------------------


def test_every_kind_of_answer_has_the_four_headers(api: ApiClient, anonymous: ApiClient, voices, monkeypatch):
    answers = {
        200: api.get("/api/v1/voices"),
        202: api.post("/api/v1/tts", BODY),
        400: api.post("/api/v1/tts", {}),
        401: anonymous.get("/api/v1/tts"),
        404: api.get(f"/api/v1/tts/{NEVER_WAS}"),
        405: api.delete("/api/v1/tts"),
        413: post(api, b" " * 3_000_000),
        415: post(api, b"{}", content_type="text/plain"),
    }
    answers[307] = _audio_answer(api, answers[202].json()["data"]["job_id"])
    monkeypatch.setattr("tts.api.jobs.get_job", fail)
    answers[500] = api.get(f"/api/v1/tts/{NEVER_WAS}")
    Account.objects.update(read_limit_override=0)
    answers[429] = api.get("/api/v1/tts")
    Account.objects.update(suspended_at=timezone.now())
    answers[403] = api.get("/api/v1/tts")
    start_maintenance(actor=COMMAND_LINE, reason="A test.")
    selectors._maintenance_seen = (float("-inf"), False)
    answers[503] = api.get("/api/v1/tts")
    for status, response in answers.items():
        assert response.status_code == status
        assert [name for name in RATE_HEADERS if name not in response.headers] == [], status


def _audio_answer(api: ApiClient, job_id: str) -> Any:
    Job.objects.filter(pk=job_id).update(status="completed", audio_key="ab/x-1.wav", finished_at=timezone.now())
    return api.get(f"/api/v1/tts/{job_id}/audio")


# --- maintenance ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "method, path",
    [("get", "/api/v1/voices"), ("get", f"/api/v1/voices/{ANNIE}"), ("get", "/api/v1/tts"), ("post", "/api/v1/tts"),
     ("delete", f"/api/v1/tts/{NEVER_WAS}"), ("get", f"/api/v1/tts/{NEVER_WAS}/audio"), ("get", "/api/v1/nothing"),
     ("put", "/api/v1/voices")],
)  # fmt: skip
def test_maintenance_closes_every_address_of_the_api(anonymous: ApiClient, db, method: str, path: str):
    call_command("maintenance", "on", stdout=_Nowhere())
    response = getattr(anonymous.client, method)(path)
    error_of(response, 503, "MAINTENANCE")
    assert response.headers["Retry-After"] == "300"


def test_maintenance_ends_and_leaves_the_pages_alone(api: ApiClient, client: Client, voices):
    call_command("maintenance", "on", stdout=_Nowhere())
    assert client.get("/healthz").status_code == 200
    assert client.get("/").status_code == 200
    error_of(api.post("/api/v1/tts", BODY), 503, "MAINTENANCE")
    call_command("maintenance", "off", stdout=_Nowhere())
    selectors._maintenance_seen = (float("-inf"), False)
    data_of(api.post("/api/v1/tts", BODY), 202)


class _Nowhere:
    def write(self, text: str) -> None:
        pass


# --- the order of checks on a POST ----------------------------------------------------------------


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

    def without_scope(self) -> None:
        ApiKey.objects.filter(account=self.account).update(scopes=["speech:read"])

    def on_the_free_plan(self) -> None:
        Account.objects.filter(pk=self.account.pk).update(plan="free")

    def too_often(self) -> None:
        Account.objects.filter(pk=self.account.pk).update(generate_limit_override=0)

    def unknown_field(self) -> None:
        self.body["colour"] = "red"

    def key_used_before(self) -> None:
        self.headers["Idempotency-Key"] = "k"
        IdempotencyRecord.objects.create(
            account=self.account, key="k", fingerprint="of another request", job_id=uuid.uuid4(), response_body=b"{}"
        )

    def unknown_voice(self) -> None:
        self.body["voice_id"] = "espeak:en-US-eSpeak-Nobody"

    def markup(self) -> None:
        self.body["format"] = "markup"

    def too_long(self) -> None:
        Voice.objects.update(max_text_bytes=1)

    def no_credits(self) -> None:
        Balance.objects.filter(account=self.account).update(available_microcredits=0)


FAULTS: list[tuple[Callable[[Attempt], None], int, str, str]] = [
    # the fault, and how its refusal is known; in the order in which a POST is checked
    (Attempt.maintenance, 503, "MAINTENANCE", "maintenance"),
    (Attempt.no_key, 401, "UNAUTHORIZED", "Authorization"),
    (Attempt.suspended, 403, "FORBIDDEN", "suspended"),
    (Attempt.on_the_free_plan, 403, "FORBIDDEN", "plan"),
    (Attempt.without_scope, 403, "FORBIDDEN", "scope"),
    (Attempt.too_often, 429, "RATE_LIMIT_EXCEEDED", "Rate limit exceeded: 0 requests"),
    (Attempt.unknown_field, 400, "VALIDATION_ERROR", "colour"),
    (Attempt.key_used_before, 409, "IDEMPOTENCY_KEY_REUSE", "Idempotency-Key"),
    (Attempt.unknown_voice, 400, "INVALID_VOICE", "Nobody"),
    (Attempt.markup, 400, "VALIDATION_ERROR", "format"),
    (Attempt.too_long, 400, "VALIDATION_ERROR", "bytes"),
    (Attempt.no_credits, 402, "INSUFFICIENT_CREDITS", "Need 0.01 credits, have 0.00"),
]


@pytest.mark.parametrize("earlier, later", list(itertools.combinations(FAULTS, 2)), ids=lambda fault: fault[0].__name__)
def test_of_two_faults_the_earlier_in_the_order_of_checks_is_told(
    account: Account, key: tuple[ApiKey, str], voices, earlier: Any, later: Any
):
    attempt = Attempt(account, key[1])
    later[0](attempt)
    earlier[0](attempt)
    before = everything_that_costs()
    client = ApiClient(None)
    error = error_of(client.post("/api/v1/tts", attempt.body, headers=attempt.headers), earlier[1], earlier[2])
    assert earlier[3] in error["message"]
    assert everything_that_costs() == before


def test_without_a_fault_it_is_accepted(account: Account, key: tuple[ApiKey, str], voices):
    attempt = Attempt(account, key[1])
    data_of(ApiClient(None).post("/api/v1/tts", attempt.body, headers=attempt.headers), 202)


def test_unusable_keys_answer_alike(account: Account, anonymous: ApiClient):
    expired = make_key(account, expires_at=timezone.now() - timedelta(seconds=1))[1]
    revoked_row, revoked = make_key(account)
    revoke_key(api_key=revoked_row, actor=SYSTEM, reason="For a test.")
    never_made = "tts_0000000000000000000000000000000M8lmi"
    answers = set()
    for secret in (expired, revoked, never_made):
        response = anonymous.get("/api/v1/tts", Authorization=f"Bearer {secret}", **{"X-Request-ID": "same"})
        error_of(response, 401, "UNAUTHORIZED")
        assert response.headers["WWW-Authenticate"] == "Bearer"
        answers.add(response.content)
    assert len(answers) == 1


def test_no_answer_names_a_cause_of_ours(anonymous: ApiClient, db):
    page = anonymous.get("/api/v1/nothing").content.decode()
    assert not re.search(r"Traceback|django|rest_framework|sqlite|psycopg", page)
    assert settings.DEBUG is False
