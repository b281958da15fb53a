"""The OpenAPI document, held against the running code: by a validator, by hand, and by schemathesis."""

import json
import operator
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.db import connections
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS

from accounts.models import Plan
from accounts.services.identities import set_id_tokens_allowed
from config.errors import DomainError, openai_status
from config.wsgi import application
from tests.factories import make_account, make_job, make_key, make_user
from tests.peers.issuer import token_issuer
from tests.peers.webhook_receiver import receiver
from tests.webhooks.conftest import make_delivery, make_endpoint, own_network  # noqa: F401
from tts.api.schema import document
from tts.models import JobStatus
from tts.tasks import speak_next

DOCUMENT = json.loads(document())
OPERATIONS = [(method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods]
VOICES = "/api/v1/voices"
HOOK = "/api/user/enterprise/webhook"
VOICE_ID = "espeak:en-US-eSpeak-Annie"


def test_document_is_served_without_a_key(anonymous, db):
    response = anonymous.get("/api/v1/openapi.json")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["X-RateLimit-Bucket"] == "read"
    assert response.json()["openapi"] == "3.1.0"


def test_every_operation_is_named_and_explained():
    operations = [DOCUMENT["paths"][path][method.lower()] for method, path in OPERATIONS]
    assert [operation["operationId"] for operation in operations] == [
        *("getWebhook", "putWebhook", "deleteWebhook", "listWebhookDeliveries", "replayWebhookDelivery"),
        *("replayWebhookDeliveries", "testWebhook"),
        *("getCredits", "listJobs", "createSpeech", "getJob", "deleteJob", "getAudio", "quoteSpeech", "streamSpeech"),
        *("getUsage", "listVoices", "getVoice"),
        *("createOpenAISpeech", "listOpenAIModels", "getOpenAIModel"),
    ]
    assert all(operation["summary"] and operation["description"] for operation in operations)


def test_every_error_has_an_example_for_each_of_its_codes():
    for method, path in OPERATIONS:
        for status, response in DOCUMENT["paths"][path][method.lower()]["responses"].items():
            if int(status) < 400:
                continue
            content = response["content"]["application/json"]
            name = content["schema"]["$ref"].rpartition("/")[2].removesuffix("Envelope") + "Error"
            codes = set(DOCUMENT["components"]["schemas"][name]["properties"]["code"]["enum"])
            errors = [example["value"]["error"] for example in content["examples"].values()]
            assert {error["code"] for error in errors} == codes
            assert all(error["message"] for error in errors), (method, path, status)


def test_statuses_are_those_of_the_error_classes():
    for method, path in OPERATIONS:
        status_of = openai_status if path.startswith("/v1/") else operator.attrgetter("status")
        known = {(kind.code, status_of(kind)) for kind in _all_errors(DomainError)}
        for status, response in DOCUMENT["paths"][path][method.lower()]["responses"].items():
            if int(status) >= 400:
                assert {(code, int(status)) for code in response["description"].split(", ")} <= known


def _all_errors(kind):
    return {
        error for direct in kind.__subclasses__() for error in {direct} | _all_errors(direct) if hasattr(error, "code")
    }


@pytest.fixture
def fuzzed_account(committed_db, voices):
    """An account that neither credits nor rate limits stop."""
    Plan.objects.filter(pk="enterprise").update(generate_limit=10**6, read_limit=10**6)
    return make_account("Fuzzed", credits=10**6)


@pytest.fixture
def schema():
    return schemathesis.openapi.from_wsgi("/api/v1/openapi.json", _with_an_address)


def _with_an_address(environ, start_response):
    """The application as a server calls it; schemathesis leaves the caller's address out."""
    return application(environ | {"REMOTE_ADDR": "192.0.2.1"}, start_response)


@pytest.fixture
def id_tokens(settings):
    with token_issuer() as issuer:
        settings.OIDC_ISSUERS = [issuer.setting]
        yield issuer


def _headers(account, operation, request):
    """As somebody who may: with a key of the account, or as its owner, with an ID token."""
    security = operation.definition.raw.get("security") or []
    if {"idToken": []} in security:
        issuer = request.getfixturevalue("id_tokens")
        user = make_user("alice@acme.example", account)
        set_id_tokens_allowed(user=user, is_allowed=True)
        return {"Authorization": f"Bearer {issuer.token()}"}
    return {"Authorization": f"Bearer {make_key(account)[1]}"} if security else {}


def _finished_job(account, status):
    error = {"error_code": "GENERATION_FAILED", "error_message": "It failed."} if status == JobStatus.FAILED else {}
    return make_job(account, status=status, finished_at=timezone.now(), **error)


@pytest.fixture
def worker(fuzzed_account) -> Iterator[None]:
    """Speaks what is submitted, for whoever waits to hear it."""
    is_over = threading.Event()

    def speak() -> None:
        while not is_over.wait(0.01):
            speak_next("speech.espeak")
        connections.close_all()

    thread = threading.Thread(target=speak, daemon=True)
    thread.start()
    yield
    is_over.set()
    thread.join(30)


@pytest.fixture
def hook(own_network):  # noqa: F811
    with receiver() as running:
        yield running


OPENAI_BODY = {"model": "tts-1", "voice": "alloy", "input": "Hello."}

SUCCESSES: dict[tuple[str, str], tuple[int, dict[str, Any]]] = {
    ("GET", "/api/v1/tts"): (200, {"query": {"status": "failed", "limit": 1}}),
    ("POST", "/api/v1/tts"): (
        202,
        {"body": {"text": "Hello.", "voice_id": VOICE_ID}, "media_type": "application/json"},
    ),
    ("POST", "/api/v1/tts/stream"): (
        202,
        {"body": {"text": "Hello.", "voice_id": VOICE_ID}, "media_type": "application/json"},
    ),
    ("POST", "/api/v1/tts/quote"): (
        200,
        {"body": {"text": "Hello.", "voice_id": VOICE_ID}, "media_type": "application/json"},
    ),
    ("GET", "/api/v1/credits"): (200, {}),
    ("GET", "/api/v1/usage"): (200, {"query": {"by": "key", "first_day": "2026-01-01", "last_day": "2026-01-31"}}),
    ("GET", "/api/v1/tts/{job_id}"): (200, {}),
    ("DELETE", "/api/v1/tts/{job_id}"): (200, {}),
    ("GET", "/api/v1/tts/{job_id}/audio"): (307, {}),
    ("POST", "/v1/audio/speech"): (200, {"body": OPENAI_BODY, "media_type": "application/json"}),
    ("GET", "/v1/models"): (200, {}),
    ("GET", "/v1/models/{name}"): (200, {"path_parameters": {"name": "tts-1"}}),
    ("GET", HOOK): (200, {}),
    ("PUT", HOOK): (200, {"media_type": "application/json"}),
    ("DELETE", HOOK): (200, {}),
    ("GET", f"{HOOK}/deliveries"): (200, {"query": {"state": "failed", "limit": 1}}),
    ("POST", f"{HOOK}/deliveries/{{delivery_id}}/replay"): (202, {"body": {}, "media_type": "application/json"}),
    ("POST", f"{HOOK}/deliveries/replay"): (
        202,
        {
            "body": {"created_after": "2026-01-01T00:00:00Z", "created_before": "2036-01-01T00:00:00Z"},
            "media_type": "application/json",
        },
    ),
    ("POST", f"{HOOK}/test"): (200, {"body": {}, "media_type": "application/json"}),
    ("GET", "/api/v1/voices"): (200, {"query": {"language": "en", "page": 1}}),
    ("GET", "/api/v1/voices/{voice_id}"): (200, {"path_parameters": {"voice_id": VOICE_ID}}),
}


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_operation_succeeds_as_described(method, path, fuzzed_account, schema, request):
    if path == "/v1/audio/speech":
        request.getfixturevalue("worker")
    status, given_values = SUCCESSES[method, path]
    operation = schema[path][method]
    if "{job_id}" in path:
        job = make_job(
            fuzzed_account, status=JobStatus.COMPLETED, audio_key="ab/known-1.wav", finished_at=timezone.now()
        )
        given_values = given_values | {"path_parameters": {"job_id": str(job.pk)}}
    if path.startswith(HOOK):
        hook = request.getfixturevalue("hook")
        make_endpoint(fuzzed_account, hook.url)
        if method == "PUT":
            given_values = given_values | {"body": {"url": hook.url}}
        if "{delivery_id}" in path:
            given_values = given_values | {"path_parameters": {"delivery_id": str(make_delivery(fuzzed_account).pk)}}
    case = operation.Case(**given_values)
    headers = _headers(fuzzed_account, operation, request)
    response = case.call(headers=headers)
    assert response.status_code == status
    case.validate_response(response, headers=headers)


UNFAIR = {"POST": "positive_data_acceptance", "PUT": "positive_data_acceptance", "GET": "negative_data_rejection"}
FINISHED = (JobStatus.FAILED, JobStatus.CANCELLED)
ANY_STRING_WILL_DO = {(path, GenerationMode.NEGATIVE) for path in ("/api/v1/voices/{voice_id}", "/v1/models/{name}")}
FUZZED = [
    (method, path, mode)
    for method, path in OPERATIONS
    for mode in GenerationMode
    if (path, mode) not in ANY_STRING_WILL_DO
]


@pytest.mark.parametrize(("method", "path", "mode"), FUZZED)
def test_schemathesis_finds_nothing(method, path, mode, fuzzed_account, schema, settings, request):
    if path == "/v1/audio/speech":
        request.getfixturevalue("worker")
    settings.ANONYMOUS_READ_LIMIT = 10**6
    operation = schema[path][method]
    headers = _headers(fuzzed_account, operation, request)
    jobs = [str(_finished_job(fuzzed_account, status).pk) for status in FINISHED]
    statuses = []

    @hypothesis_settings(
        max_examples=40,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), known=st.sampled_from([None, *jobs]))
    def fuzz(case, known):
        if known is not None and "job_id" in case.path_parameters and mode is GenerationMode.POSITIVE:
            case.path_parameters["job_id"] = known
        if known is not None and isinstance(case.body, dict) and "voice_id" in case.body:
            case.body["voice_id"] = VOICE_ID
        if known is not None and path == "/v1/audio/speech" and mode is GenerationMode.POSITIVE:
            case.body |= OPENAI_BODY  # whose text can be said: this answer waits for the speech
        if mode is GenerationMode.POSITIVE:
            case.query.pop("cursor", None)  # opaque: only those we gave out are valid
            case.query.pop("first_day", None)  # whether two days make a range is no matter of form
        response = case.call(headers=headers)
        statuses.append(response.status_code)
        # Whether a voice exists, and what it can do, is no matter of form: a well-formed request may be refused.
        # A query that is wrong only by an empty list, or a missing key that we add, is right once it is sent.
        unfair = UNFAIR.get(method)
        excluded = [CHECKS.get_one(unfair)] if unfair is not None and operation.path != VOICES else None
        case.validate_response(response, headers=headers, excluded_checks=excluded)

    fuzz()
    assert max(statuses) < 500
