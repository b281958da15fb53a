"""The endpoint and its deliveries, as a person who is signed in uses them at /api/user/enterprise/webhook."""

import json
import re
import uuid
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import Account, AuditEntry, Plan, Role
from tests.factories import make_account, make_user
from tests.support.envelopes import error_of
from tests.webhooks.conftest import make_delivery, make_endpoint
from webhooks import client, sender, signing_secrets
from webhooks.models import Attempt, Delivery, Endpoint
from webhooks.services.deliveries import claim_test

URL = "/api/user/enterprise/webhook"
pytestmark = pytest.mark.django_db


class Person:
    """Somebody signed in, in a browser that keeps cookies and sends the CSRF token."""

    def __init__(self, user) -> None:
        self.client = Client(enforce_csrf_checks=True, raise_request_exception=False)
        self.client.force_login(user)
        self.client.get("/overview")
        self.token = self.client.cookies["csrftoken"].value

    def send(self, method, path, body=None, **headers):
        data = b"" if body is None else json.dumps(body).encode()
        headers = {"X-CSRFToken": self.token} | headers
        return self.client.generic(method, path, data, content_type="application/json", headers=headers)


@pytest.fixture
def alice(account: Account) -> Person:
    return Person(make_user("alice@acme.example", account))


def test_the_first_put_makes_the_endpoint_and_shows_its_secret_once(alice, account, hook):
    response = alice.send("PUT", URL, {"url": hook.url})
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    data = response.json()["data"]
    secret = data.pop("secret")
    assert re.fullmatch("[0-9a-f]{64}", secret)
    assert (data["url"], data["enabled"], data["disabled_reason"]) == (hook.url, True, None)
    shown = alice.send("GET", URL)
    assert shown.json()["data"] == data
    endpoint = Endpoint.objects.get(account=account)
    assert secret not in endpoint.secret
    assert signing_secrets.decrypt(endpoint.secret) == secret
    assert alice.send("PUT", URL, {"url": hook.url}).json()["data"].get("secret") is None
    assert signing_secrets.decrypt(Endpoint.objects.get(account=account).secret) == secret


def test_a_new_secret_signs_beside_the_old_one_for_a_day(alice, hook):
    first = alice.send("PUT", URL, {"url": hook.url}).json()["data"]["secret"]
    data = alice.send("PUT", URL, {"url": hook.url, "regenerateSecret": True}).json()["data"]
    assert data["secret"] != first
    ends_at = datetime.fromisoformat(data["previous_secret_expires_at"])
    assert timedelta(hours=23, minutes=59) < ends_at - timezone.now() <= timedelta(hours=24)
    endpoint = Endpoint.objects.get()
    assert signing_secrets.decrypt(endpoint.previous_secret) == first


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "url"),
        ({"url": 5}, "url"),
        ({"url": "https://example.com/", "enable": True}, "enable"),
        ({"url": "https://example.com/", "enabled": "yes"}, "enabled"),
        ({"url": "https://example.com/", "regenerateSecret": 1}, "regenerateSecret"),
        ({"url": "https://10.0.0.1/"}, "url"),
        ({"url": "https://localhost/"}, "url"),
        ({"url": "http://example.com/"}, "url"),
    ],
)
def test_a_wrong_body_is_named_and_nothing_is_saved(alice, body, field):
    error = error_of(alice.send("PUT", URL, body), 400, "VALIDATION_ERROR")
    assert list(error["details"]) == [field]
    assert not Endpoint.objects.exists()


def test_without_an_endpoint_there_is_nothing_to_get_delete_or_test(alice):
    for method, path in (("GET", URL), ("DELETE", URL), ("POST", f"{URL}/test")):
        error_of(alice.send(method, path), 404, "NOT_FOUND")


def test_delete_removes_it_and_skips_what_was_under_way(alice, account, endpoint):
    waiting = make_delivery(account)
    assert alice.send("DELETE", URL).json() == {"success": True, "data": {"deleted": True}}
    waiting.refresh_from_db()
    assert (waiting.state, waiting.next_attempt_at) == ("skipped", None)
    assert not Endpoint.objects.exists()


def test_pausing_skips_what_waits_and_what_comes_and_a_replay_brings_it_back(alice, account, endpoint, hook):
    waiting = make_delivery(account)
    data = alice.send("PUT", URL, {"url": hook.url, "enabled": False}).json()["data"]
    assert (data["enabled"], data["disabled_reason"]) == (False, "paused")
    waiting.refresh_from_db()
    assert waiting.state == "skipped"
    error_of(alice.send("POST", f"{URL}/deliveries/{waiting.pk}/replay"), 409, "WEBHOOK_DISABLED")
    assert alice.send("PUT", URL, {"url": hook.url}).json()["data"]["enabled"] is True
    replayed = alice.send("POST", f"{URL}/deliveries/{waiting.pk}/replay")
    assert replayed.status_code == 202
    assert (replayed.json()["data"]["delivery_id"], replayed.json()["data"]["state"]) == (str(waiting.pk), "pending")


def test_a_test_event_arrives_at_once_and_is_listed(alice, hook, endpoint):
    response = alice.send("POST", f"{URL}/test")
    assert response.status_code == 200, response.content
    test_id = response.json()["data"]["test_id"]
    (request,) = hook.received
    assert (request.json["event"], request.json["data"]) == ("test", {"test_id": test_id})
    assert request.headers["x-tts-event"] == "test"
    (listed,) = alice.send("GET", f"{URL}/deliveries").json()["data"]["deliveries"]
    (attempt,) = listed.pop("attempts")
    assert (listed["delivery_id"], listed["event"], listed["state"]) == (test_id, "test", "delivered")
    assert (attempt["attempt"], attempt["outcome"], attempt["status"]) == (1, "delivered", 204)


def test_a_test_that_is_not_answered_with_2xx_says_so_and_is_not_sent_again(alice, hook, endpoint):
    hook.status, hook.body = 410, b"gone away"
    error = error_of(alice.send("POST", f"{URL}/test"), 422, "WEBHOOK_TEST_FAILED")
    assert error["message"] == "The endpoint returned 410 Gone: it no longer accepts events."
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.next_attempt_at) == ("failed", None)
    assert Attempt.objects.get().answer == "gone away"
    endpoint.refresh_from_db()
    assert endpoint.is_enabled  # a test decides nothing


def test_a_range_is_replayed_and_nothing_else(alice, account, endpoint):
    now = timezone.now()
    missed = [make_delivery(account, state="failed", created_at=now - timedelta(hours=hours)) for hours in (1, 2, 50)]
    make_delivery(account, state="delivered", created_at=now - timedelta(hours=1))
    body = {
        "created_after": (now - timedelta(hours=3)).isoformat(),
        "created_before": now.isoformat(),
    }
    response = alice.send("POST", f"{URL}/deliveries/replay", body)
    assert (response.status_code, response.json()["data"]) == (202, {"replayed": 2})
    for delivery in missed:
        delivery.refresh_from_db()
    assert [delivery.state for delivery in missed] == ["pending", "pending", "failed"]
    assert Delivery.objects.filter(state="delivered").count() == 1


def test_another_tenant_sees_and_replays_nothing_of_it(account, endpoint):
    theirs = make_delivery(account)
    globex = make_account("Globex")
    charlie = Person(make_user("charlie@globex.example", globex))
    error_of(charlie.send("GET", URL), 404, "NOT_FOUND")
    assert charlie.send("GET", f"{URL}/deliveries").json()["data"]["deliveries"] == []
    make_endpoint(globex, endpoint.url)
    for unknown in (theirs.pk, uuid.uuid4()):
        error = error_of(charlie.send("POST", f"{URL}/deliveries/{unknown}/replay"), 404, "NOT_FOUND")
        assert error["message"] == "There is no such delivery."
    theirs.refresh_from_db()
    assert theirs.tries == 0


MAY = {Role.OWNER: 200, Role.ADMIN: 200, Role.DEVELOPER: 200, Role.BILLING: 403, Role.VIEWER: 403}


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize(
    ("method", "path"), [("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/test"), ("GET", "/deliveries")]
)
def test_roles_that_manage_webhooks_may_and_no_others(account, endpoint, hook, role, method, path):
    person = Person(make_user("bob@acme.example", account, role))
    response = person.send(method, URL + path, {"url": hook.url} if method == "PUT" else None)
    assert response.status_code == MAY[role]
    if MAY[role] == 403:
        assert Endpoint.objects.get().updated_at == endpoint.updated_at
        assert hook.received == []


def test_who_is_not_signed_in_or_has_a_key_is_nobody_here(account, key, anonymous, api):
    for caller in (anonymous, api):
        response = caller.get(URL)
        error_of(response, 401, "UNAUTHORIZED")
        assert response.headers["WWW-Authenticate"] == "Bearer"
        assert response.headers["X-RateLimit-Bucket"] == "read"


def test_without_the_csrf_token_a_session_does_nothing(alice, hook):
    response = alice.send("PUT", URL, {"url": hook.url}, **{"X-CSRFToken": "x" * 32})
    error_of(response, 403, "FORBIDDEN")
    assert not Endpoint.objects.exists()


@pytest.mark.parametrize("plan", ["free", "payg", "pro"])
def test_other_plans_have_no_webhooks(alice, account, plan, hook):
    Account.objects.filter(pk=account.pk).update(plan=plan)
    error = error_of(alice.send("PUT", URL, {"url": hook.url}), 403, "FORBIDDEN")
    assert error["message"] == f"The {Plan.objects.get(pk=plan).name} plan does not include webhooks."
    assert not Endpoint.objects.exists()


def test_without_keys_to_encrypt_with_there_are_no_webhooks(alice, settings, hook):
    settings.WEBHOOK_SECRET_KEYS = []
    error_of(alice.send("PUT", URL, {"url": hook.url}), 403, "FORBIDDEN")
    assert not Endpoint.objects.exists()


def test_requests_are_counted_and_refused_past_the_limit(alice, account):
    Account.objects.filter(pk=account.pk).update(read_limit_override=1)
    response = alice.send("GET", f"{URL}/deliveries")
    assert (response.status_code, response.headers["X-RateLimit-Remaining"]) == (200, "0")
    error_of(alice.send("GET", f"{URL}/deliveries"), 429, "RATE_LIMIT_EXCEEDED")


def test_who_is_in_several_accounts_says_which(account, endpoint):
    other = make_account("Other")
    user = make_user("alice@acme.example", account)
    other.memberships.create(user=user, role=Role.DEVELOPER)
    person = Person(user)
    assert person.send("GET", URL).status_code == 200
    error_of(person.send("GET", URL, **{"X-Account-ID": str(other.pk)}), 404, "NOT_FOUND")
    stranger = make_account("Globex")
    error_of(person.send("GET", URL, **{"X-Account-ID": str(stranger.pk)}), 403, "FORBIDDEN")


def test_what_is_done_to_it_is_in_the_audit_trail_without_url_or_secret(alice, account, hook):
    secret = alice.send("PUT", URL, {"url": f"{hook.url}?token=tell-nobody"}).json()["data"]["secret"]
    alice.send("PUT", URL, {"url": hook.url, "enabled": False})
    alice.send("DELETE", URL)
    entries = list(AuditEntry.objects.filter(account=account, target_type="webhook").order_by("id"))
    assert [entry.action for entry in entries] == ["webhook.made", "webhook.changed", "webhook.deleted"]
    told = json.dumps([[entry.before, entry.after] for entry in entries])
    assert "tell-nobody" not in told
    assert secret not in told
    assert entries[0].after == {"host": "127.0.0.1", "enabled": True, "new_secret": True}


def test_keys_are_rotated_and_the_old_one_can_go(account, endpoint, settings):
    from cryptography.fernet import Fernet
    from django.core.management import call_command

    before = signing_secrets.decrypt(endpoint.secret)
    old, new = settings.WEBHOOK_SECRET_KEYS[0], Fernet.generate_key().decode()
    settings.WEBHOOK_SECRET_KEYS = [new, old]
    call_command("rotate_webhook_keys", "--json")
    settings.WEBHOOK_SECRET_KEYS = [new]
    assert signing_secrets.decrypt(Endpoint.objects.get().secret) == before


def test_who_waits_for_a_receiver_holds_no_connection_to_the_database(committed_db: None, hook, monkeypatch):
    """Any customer may name one that takes its time, and test it as often as there are connections."""
    account = make_account("Globex", plan="enterprise")
    make_endpoint(account, hook.url)
    held, post = [], client.post

    def look_and_post(*arguments, **options):
        held.append(connection.connection is not None)
        return post(*arguments, **options)

    monkeypatch.setattr(client, "post", look_and_post)
    assert sender.send_test(claim_test(account=account)).is_success
    assert held == [False]
