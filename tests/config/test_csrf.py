"""No form from elsewhere does anything: every address is asked with the session of who may, and without our token."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import AuditEntry, User
from billing.models import LedgerEntry
from tests.config.test_urls import TABLE
from tests.factories import make_account, make_job, make_key, make_user
from tests.support.envelopes import ANNIE

pytestmark = pytest.mark.django_db

# Asked by programs, with a key, an ID token or a signature: no cookie counts there. A session at /api/user does, and
# needs the token: tests/webhooks/test_api.py
BY_PROGRAMS = ("api/", "v1/", "webhooks/stripe/")
# Fetched with a signed address, by whatever player: nothing there goes by cookies.
SIGNED = {"stream/<uuid:job_id>/<str:token>"}
# A colour is all that it changes, and who only looks around gets no cookie for a token.
WITHOUT_TOKEN = {"theme"}
FORMS = [route for route in TABLE if not route.startswith(BY_PROGRAMS) and route not in WITHOUT_TOKEN]
REFUSED = "<title>Form expired · Utterance</title>"


def path_of(route: str, values: dict[str, Any]) -> str:
    """Some address of the table for that route."""
    path = next(iter(TABLE[route].values()))[0]
    return path.format(**values)


@pytest.fixture
def values(voices) -> dict[str, Any]:
    account = make_account()
    make_user("alice@acme.example", account)
    job = make_job(account)
    return {"job": job.pk, "key": make_key(account)[0].pk, "signed": f"/audio/{job.pk}.wav", "voice": ANNIE}


def forged(path: str) -> Any:
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.get())
    return client.post(path, headers={"origin": "https://evil.example"})


@pytest.mark.parametrize("route", FORMS)
def test_a_post_from_elsewhere_is_refused_and_changes_nothing(values: dict[str, Any], route: str):
    audit, ledger = AuditEntry.objects.count(), LedgerEntry.objects.count()
    response = forged(path_of(route, values))
    if route in SIGNED:
        assert response.status_code == 405
    else:
        assert response.status_code == 403
        assert REFUSED in response.content.decode()
    assert (AuditEntry.objects.count(), LedgerEntry.objects.count()) == (audit, ledger)


@pytest.mark.parametrize(
    "path", ["/admin/login/", "/admin/logout/", "/admin/search/", "/admin/maintenance/", "/admin/tts/job/"]
)
def test_nor_is_one_to_the_operators_pages_taken(values: dict[str, Any], path: str):
    User.objects.update(is_staff=True, is_superuser=True)
    assert forged(path).status_code == 403


@pytest.mark.parametrize(
    "route", [route for route in TABLE if route.startswith(BY_PROGRAMS) and "POST" in TABLE[route]]
)
def test_a_session_is_no_key_for_programs(values: dict[str, Any], route: str):
    response = forged(path_of(route, values))
    assert response.status_code in {401, 403, 503}
