"""Between tenants there is a wall: another's ids answer exactly like ids that never were, on every route and verb."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from accounts.models import Account, ApiKey, IdempotencyRecord
from billing.models import Balance, LedgerEntry
from tests.conftest import ApiClient
from tests.factories import make_account, make_job, make_key
from tests.support.envelopes import ANNIE, NEVER_WAS, data_of, error_of, everything_that_costs
from tts.models import Job, JobStatus
from tts.storage import store

pytestmark = pytest.mark.django_db

VERBS = ("get", "head", "post", "put", "patch", "delete", "options")


def api_routes(patterns: Any = None, prefix: str = "") -> list[str]:
    """Every route of the API, written as in the URLconf."""
    routes = []
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            routes += api_routes(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern) and route.startswith("api/"):
            routes.append(route)
    return routes


# What stands in each variable of a route: a thing of a tenant, or of nobody.
TENANT_OWNED = {"<uuid:job_id>"}
NOBODYS = {"<str:voice_id>"}
A_PERSONS = {"<uuid:delivery_id>"}  # no key opens these; the wall between people stands in tests/webhooks/test_api.py


def test_every_variable_of_every_route_is_known_to_this_wall():
    variables = {variable for route in api_routes() for variable in re.findall(r"<[^>]+>", route)}
    assert variables == TENANT_OWNED | NOBODYS | A_PERSONS


ROUTES = [route for route in api_routes() if any(variable in route for variable in TENANT_OWNED)]


def test_the_wall_has_routes_to_look_at():
    assert {"api/v1/tts/<uuid:job_id>", "api/v1/tts/<uuid:job_id>/audio"} <= set(ROUTES)


@pytest.fixture
def globex_api(db) -> ApiClient:
    """Charlie's, of another tenant."""
    return ApiClient(make_key(make_account("Globex"))[1])


def all_states(account: Account) -> list[Job]:
    moment = timezone.now()
    jobs = [
        make_job(account, status=status, finished_at=None if status in {"pending", "processing"} else moment, attempt=1)
        for status in JobStatus
    ]
    for job in jobs:
        if job.status == JobStatus.COMPLETED:
            name = store.audio_storage().save(store.audio_key(job, 1), ContentFile(b"RIFF"))
            Job.objects.filter(pk=job.pk).update(audio_key=name)
    return [*jobs, make_job(account, status=JobStatus.COMPLETED, finished_at=moment, erased_at=moment)]


def answer(api: ApiClient, verb: str, route: str, job_id: object) -> tuple[Any, ...]:
    """All that a caller can see, but for what is different in every answer."""
    path = "/" + route.replace("<uuid:job_id>", str(job_id))
    response = getattr(api.client, verb)(path, headers=api.headers | {"X-Request-ID": "same"})
    different = {"X-RateLimit-Remaining", "X-RateLimit-Reset"}
    headers = {name: value for name, value in response.headers.items() if name not in different}
    return response.status_code, headers, response.content


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("verb", VERBS)
def test_another_tenants_id_answers_like_one_that_never_was(
    account: Account, globex_api: ApiClient, route: str, verb: str
):
    jobs = all_states(account)
    before = everything_that_costs()
    never_was = answer(globex_api, verb, route, NEVER_WAS)
    assert never_was[0] in {404, 405}
    for job in jobs:
        assert answer(globex_api, verb, route, job.pk) == never_was, job.status
    assert everything_that_costs() == before
    assert list(Job.objects.values_list("text", flat=True)) == ["Hello there."] * len(jobs)
    assert all(
        Path(store.audio_storage().get_address(job.audio_key)).exists() for job in Job.objects.exclude(audio_key="")
    )


@pytest.mark.parametrize("route", ROUTES)
def test_the_owner_is_not_behind_the_wall(account: Account, api: ApiClient, route: str):
    completed = next(job for job in all_states(account) if job.status == JobStatus.COMPLETED)
    assert answer(api, "get", route, completed.pk)[0] in {200, 307}


def test_all_keys_of_an_account_see_its_jobs(account: Account, api: ApiClient):
    job = make_job(account, api_key=None)
    assert data_of(api.get(f"/api/v1/tts/{job.pk}"))["job_id"] == str(job.pk)


def test_nothing_of_another_tenant_is_in_any_list(account: Account, globex_api: ApiClient, voices):
    all_states(account)
    make_job(account, metadata={"secret": "of Acme"}, voice_id="espeak:en-US-eSpeak-OfAcme")
    for query in (
        "",
        "?status=pending",
        "?voice_id=espeak:en-US-eSpeak-OfAcme",
        "?limit=200",
        "?created_after=2000-01-01T00:00:00Z",
    ):
        assert data_of(globex_api.get(f"/api/v1/tts{query}")) == {"jobs": [], "next": None, "previous": None}


def test_another_tenants_idempotency_key_tells_nothing(api: ApiClient, globex_api: ApiClient, voices):
    body = {"text": "Hello.", "voice_id": ANNIE}
    mine = data_of(api.post("/api/v1/tts", body, headers={"Idempotency-Key": "k"}), 202)["job_id"]
    response = globex_api.post("/api/v1/tts", body | {"text": "Another."}, headers={"Idempotency-Key": "k"})
    assert data_of(response, 202)["job_id"] != mine
    assert "Idempotent-Replayed" not in response.headers


def test_a_tenant_spends_its_own_credits_only(account: Account, voices):
    poor = ApiClient(make_key(make_account("Globex", credits=0))[1])
    error_of(poor.post("/api/v1/tts", {"text": "Hello.", "voice_id": ANNIE}), 402, "INSUFFICIENT_CREDITS")
    assert Balance.objects.get(account=account).available_microcredits == 100_000_000


def test_every_model_of_a_tenant_can_be_read_through_the_wall(account: Account):
    globex = make_account("Globex")
    make_job(account)
    make_key(account)
    for model in (Job, ApiKey, LedgerEntry):
        assert model.objects.for_account(account).exists()
        assert not model.objects.for_account(globex).exclude(account=globex).exists()
    assert IdempotencyRecord._meta.get_field("account").null is False
