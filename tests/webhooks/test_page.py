"""The webhooks page, without JavaScript: made, shown once, tested, paused, replayed, removed."""

import html
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Account, Role, User
from tests.factories import make_account, make_user
from tests.webhooks.conftest import make_delivery
from webhooks import signing_secrets
from webhooks.models import Endpoint
from webhooks.sender import Sender

PAGE = "/webhooks"
pytestmark = pytest.mark.django_db


@pytest.fixture
def alice(account: Account) -> Client:
    client = Client()
    client.force_login(make_user("alice@acme.example", account))
    return client


def text_of(response) -> str:
    """What is read on the page, in one line."""
    main = response.content.decode().partition("<main")[2].partition("</main>")[0]
    return " ".join(html.unescape(re.sub("<[^>]+>", " ", main)).split())


def test_the_secret_is_shown_in_one_response_and_kept_encrypted(alice, account, hook):
    page = alice.get(PAGE)
    assert "Not set up" in text_of(page)
    made = alice.post(PAGE, {"url": hook.url, "enabled": "on", "do": "save"})
    assert made.status_code == 200
    (shown,) = re.findall(r'id="fresh-secret"[^>]*value="([0-9a-f]{64})"', made.content.decode())
    assert signing_secrets.decrypt(Endpoint.objects.get(account=account).secret) == shown
    assert "no-store" in made.headers["Cache-Control"]
    again = alice.get(PAGE)
    assert shown not in again.content.decode()
    assert "Healthy" in text_of(again)
    rotated = alice.post(PAGE, {"url": hook.url, "enabled": "on", "do": "rotate"})
    assert "Requests are also signed with the old secret until" in text_of(rotated)
    assert shown not in rotated.content.decode()


def test_saving_again_shows_no_secret_and_leads_back(alice, endpoint, hook):
    response = alice.post(PAGE, {"url": hook.url, "do": "save"})
    assert (response.status_code, response.headers["Location"]) == (302, PAGE)
    page = text_of(alice.get(PAGE))
    assert "Paused" in page
    assert "No events are sent until you enable the endpoint." in page


def test_a_bad_address_is_said_at_its_field_and_nothing_is_saved(alice, account):
    response = alice.post(PAGE, {"url": "https://192.168.0.1/", "enabled": "on", "do": "save"})
    assert response.status_code == 200
    assert "192.168.0.1 is an address that is not public." in text_of(response)
    assert 'aria-invalid="true"' in response.content.decode()
    assert not Endpoint.objects.exists()


def test_a_test_event_says_what_came_of_it(alice, endpoint, hook):
    assert alice.post(PAGE, {"do": "test"}).status_code == 302
    assert "The test event was delivered: 204 after" in text_of(alice.get(PAGE))
    hook.status = 500
    alice.post(PAGE, {"do": "test"})
    assert "The test event was not delivered. The endpoint returned 500, not 2xx." in text_of(alice.get(PAGE))
    assert len(hook.received) == 2


def test_a_delivery_shows_what_was_sent_and_answered_without_running_it(committed_db, alice, account, endpoint, hook):
    hook.status, hook.body = 503, b"<script>alert(1)</script> busy"
    delivery = make_delivery(account)
    Sender(slots=5).run()
    listed = text_of(alice.get(PAGE))
    assert "job.failed" in listed and "Retrying" in listed and "1 of 8" in listed and "503 after" in listed
    page = alice.get(f"{PAGE}/{delivery.pk}")
    assert "<script>alert(1)</script> busy" in text_of(page)
    assert b"<script>alert" not in page.content
    assert '"event": "job.failed"' in text_of(page)
    assert f'"job_id": "{delivery.job_id}"' in text_of(page)
    assert "The endpoint returned 503, not 2xx." in text_of(page)


def test_one_is_replayed(alice, account, endpoint):
    delivery = make_delivery(account, state="failed", tries=8, attempts_made=8)
    response = alice.post(f"{PAGE}/{delivery.pk}/replay")
    assert response.headers["Location"] == f"{PAGE}/{delivery.pk}"
    delivery.refresh_from_db()
    assert (delivery.state, delivery.tries, delivery.attempts_made) == ("pending", 0, 8)


def test_a_range_is_replayed(alice, account, endpoint):
    now = timezone.now()
    inside = make_delivery(account, state="skipped", created_at=now - timedelta(hours=2))
    outside = make_delivery(account, state="skipped", created_at=now - timedelta(hours=9))
    moments = {
        "created_after": f"{now - timedelta(hours=3):%Y-%m-%dT%H:%M}",
        "created_before": f"{now - timedelta(hours=1):%Y-%m-%dT%H:%M}",
    }
    assert alice.post(f"{PAGE}/replay", moments).headers["Location"] == PAGE
    assert "1 delivery is being sent again." in text_of(alice.get(PAGE))
    for delivery in (inside, outside):
        delivery.refresh_from_db()
    assert (inside.state, outside.state) == ("pending", "skipped")


def test_a_range_that_ends_before_it_begins_is_refused(alice, endpoint):
    moments = {"created_after": "2027-01-02T00:00", "created_before": "2027-01-01T00:00"}
    response = alice.post(f"{PAGE}/replay", moments)
    assert "The end time must be after the start time." in text_of(response)


def test_nothing_is_replayed_to_an_endpoint_that_is_disabled(alice, account, endpoint):
    delivery = make_delivery(account, state="skipped")
    Endpoint.objects.update(disabled_at=timezone.now(), disabled_reason="failing")
    page = text_of(alice.get(PAGE))
    assert "We disabled the endpoint on" in page and "Every delivery failed for five days" in page
    assert alice.post(f"{PAGE}/{delivery.pk}/replay").status_code == 403
    delivery.refresh_from_db()
    assert delivery.state == "skipped"


def test_it_is_removed_after_a_question(alice, endpoint):
    assert "Remove the endpoint?" in text_of(alice.get(f"{PAGE}/remove"))
    assert Endpoint.objects.exists()
    alice.post(f"{PAGE}/remove")
    assert not Endpoint.objects.exists()


@pytest.mark.parametrize(
    ("role", "status"),
    [(Role.OWNER, 200), (Role.ADMIN, 200), (Role.DEVELOPER, 200), (Role.BILLING, 403), (Role.VIEWER, 403)],
)
def test_only_roles_that_manage_webhooks_see_the_page_and_the_way_to_it(account, endpoint, hook, role, status):
    client = Client()
    client.force_login(make_user("bob@acme.example", account, role))
    delivery = make_delivery(account, state="failed")
    assert client.get(PAGE).status_code == status
    assert client.get(f"{PAGE}/{delivery.pk}").status_code == status
    assert (f'href="{PAGE}"' in client.get("/overview").content.decode()) == (status == 200)
    if status == 403:
        for path in (PAGE, f"{PAGE}/remove", f"{PAGE}/{delivery.pk}/replay", f"{PAGE}/replay", f"{PAGE}/id-tokens"):
            assert client.post(path, {"do": "test"}).status_code == 403
        delivery.refresh_from_db()
        assert (delivery.state, hook.received, Endpoint.objects.count()) == ("failed", [], 1)


def test_another_tenants_delivery_is_not_there(account, endpoint):
    delivery = make_delivery(account)
    client = Client()
    client.force_login(make_user("charlie@globex.example", make_account("Globex")))
    assert client.get(f"{PAGE}/{delivery.pk}").status_code == 404
    assert client.post(f"{PAGE}/{delivery.pk}/replay").status_code == 404


def test_another_plan_has_no_form_and_can_change_nothing(alice, account, hook):
    Account.objects.filter(pk=account.pk).update(plan="pro")
    page = alice.get(PAGE)
    assert "The Pro plan does not include webhooks." in text_of(page)
    assert 'name="url"' not in page.content.decode()
    assert alice.post(PAGE, {"url": hook.url, "do": "save"}).status_code == 403
    assert not Endpoint.objects.exists()


def test_id_tokens_are_offered_where_the_operator_takes_them(alice, settings):
    assert "ID tokens" not in text_of(alice.get(PAGE))
    settings.OIDC_ISSUERS = [object()]
    assert "Allow ID tokens" in text_of(alice.get(PAGE))
    alice.post(f"{PAGE}/id-tokens", {"allow": "1"})
    assert User.objects.get().allows_id_tokens
    alice.post(f"{PAGE}/id-tokens", {"allow": "0"})
    assert not User.objects.get().allows_id_tokens
