"""`/keys`: made, shown once, listed, revoked; by whom the role allows, and never another account's."""

import re
import threading
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connections
from django.test import Client
from django.utils import timezone

from accounts.models import Account, ApiKey, AuditEntry, Plan, User
from accounts.services.api_keys import revoke_key
from accounts.services.audit import SYSTEM
from config.api import format_time
from tests.factories import make_account, make_key, make_user

ROLES = ["owner", "admin", "developer", "billing", "viewer"]
KEY = re.compile(r'<input id="fresh-key"[^>]*value="(tts_[0-9A-Za-z]{36})"', re.DOTALL)

pytestmark = pytest.mark.django_db


def form(**changes: Any) -> dict[str, Any]:
    return {
        "name": "Museum guide",
        "scopes": ["speech:write", "speech:read"],
        "expires": "90",
        "expires_on": "",
        "token": str(uuid.uuid4()),
    } | changes


def page_of(response: Any) -> str:
    return str(response.content.decode())


def shown(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", page_of(response)).split())


# --- making --------------------------------------------------------------------------------------


def test_a_new_key_is_shown_in_the_answer_and_never_again(signed_in: Client, account: Account):
    with time_machine.travel("2026-01-08T10:00:00Z", tick=False):
        response = signed_in.post("/keys", form(name="  Museum   guide ", scopes=["speech:read"]))
    assert response.status_code == 200
    assert "no-store" in response.headers["Cache-Control"]
    match = KEY.search(page_of(response))
    assert match is not None
    row = ApiKey.objects.get()
    assert (row.account, row.name, row.scopes) == (account, "Museum guide", ["speech:read"])
    assert row.expires_at == datetime(2026, 4, 8, 10, tzinfo=UTC)
    assert (match[1][:8], match[1][-4:]) == (row.prefix, row.last_four)
    assert "Copy “Museum guide” now" in page_of(response)
    later = page_of(signed_in.get("/keys"))
    assert match[1] not in later
    assert row.digest not in later
    assert "fresh-key" not in later
    assert match[1] not in str(signed_in.session.items())


def test_the_key_works_until_it_is_revoked(signed_in: Client, account: Account, voices):
    match = KEY.search(page_of(signed_in.post("/keys", form())))
    assert match is not None
    headers = {"Authorization": f"Bearer {match[1]}"}
    assert Client().get("/api/v1/tts", headers=headers).status_code == 200
    row = ApiKey.objects.get()
    assert f"{row.last_used_at:%H:%M}" in shown(signed_in.get("/keys"))
    response = signed_in.post(f"/keys/{row.pk}/revoke")
    assert (response.status_code, response.headers["Location"]) == (302, "/keys")
    assert "“Museum guide” is revoked." in shown(signed_in.get("/keys"))
    assert Client().get("/api/v1/tts", headers=headers).status_code == 401


def test_the_same_form_sent_again_makes_no_second_key_and_says_so(signed_in: Client):
    data = form()
    signed_in.post("/keys", data)
    response = signed_in.post("/keys", data)
    assert ApiKey.objects.count() == 1
    assert KEY.search(page_of(response)) is None
    assert "This form has already created a key, and a key is shown only once." in shown(response)


def test_the_token_of_one_account_means_nothing_in_another(signed_in: Client):
    globex = make_account("Globex")
    charlie = Client()
    charlie.force_login(make_user("charlie@globex.example", globex))
    data = form()
    for client in (signed_in, charlie):
        assert KEY.search(page_of(client.post("/keys", data))) is not None


def test_every_form_has_a_token_of_its_own(signed_in: Client):
    tokens = {
        re.search(r'name="token" value="([0-9a-f-]{36})"', page_of(signed_in.get("/keys")))[1]  # type: ignore[index]
        for _ in range(3)
    }
    assert len(tokens) == 3


def test_making_and_revoking_are_in_the_audit_trail_without_the_key(signed_in: Client, alice: User, account: Account):
    key = KEY.search(page_of(signed_in.post("/keys", form(name="Museum guide"))))
    row = ApiKey.objects.get()
    assert row.expires_at is not None
    for _ in range(2):  # the second time changes nothing
        signed_in.post(f"/keys/{row.pk}/revoke")
    made, revoked = AuditEntry.objects.order_by("id")
    for entry in (made, revoked):
        assert (entry.actor, entry.actor_user_id, entry.account) == (f"user:{alice.pk}", alice.pk, account)
        assert (entry.target_type, entry.target_id) == ("api_key", str(row.pk))
        assert entry.reason == "By the customer, on the keys page."
    assert (made.action, made.before) == ("key.made", {})
    assert made.after == {"scopes": row.scopes, "expires_at": format_time(row.expires_at)}
    assert (revoked.action, revoked.before, revoked.after) == ("key.revoked", {"revoked": False}, {"revoked": True})
    assert key is not None and key[0] not in repr(list(AuditEntry.objects.values()))


@pytest.mark.parametrize(
    ("expires", "expires_on", "expected"),
    [
        ("30", "", datetime(2026, 2, 7, 10, tzinfo=UTC)),
        ("365", "", datetime(2027, 1, 8, 10, tzinfo=UTC)),
        ("", "", None),
        ("date", "2026-01-08", datetime(2026, 1, 9, tzinfo=UTC)),
        ("date", "2027-01-31", datetime(2027, 2, 1, tzinfo=UTC)),
        ("30", "2027-01-31", datetime(2026, 2, 7, 10, tzinfo=UTC)),  # the date counts only when it is chosen
    ],
)
def test_when_it_expires(signed_in: Client, expires: str, expires_on: str, expected: datetime | None):
    with time_machine.travel("2026-01-08T10:00:00Z", tick=False):
        signed_in.post("/keys", form(expires=expires, expires_on=expires_on))
    assert ApiKey.objects.get().expires_at == expected


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"name": "  "}, "name", "Enter the name of the application that will use the key."),
        ({"name": "x" * 81}, "name", "Use at most 80 characters."),
        ({"scopes": []}, "scopes", "Choose at least one permission."),
        ({"scopes": ["admin"]}, "scopes", "Choose an option from the list."),
        ({"expires": "7"}, "expires", "Choose an option from the list."),
        ({"expires": "date"}, "expires_on", "Enter an expiration date."),
        ({"expires": "date", "expires_on": "soon"}, "expires_on", "Enter a date such as 2027-01-31."),
        ({"expires": "date", "expires_on": "2020-01-01"}, "expires_on", "Enter a date between today"),
        ({"expires": "date", "expires_on": "2199-01-01"}, "expires_on", "ten years from now"),
    ],
)
def test_what_is_wrong_is_named_in_the_summary_and_at_its_field_and_the_rest_is_kept(
    signed_in: Client, change: dict[str, Any], field: str, message: str
):
    response = signed_in.post("/keys", form(name="Nightly") | change)
    page = page_of(response)
    assert response.status_code == 200
    assert "<title>The key was not created · Utterance</title>" in page
    assert re.search(rf'<a href="#id_{field}">[^<]*{re.escape(message)}', page)
    assert f'id="id_{field}"' in page
    assert f'id="id_{field}_error"' in page
    if "name" not in change:
        assert 'value="Nightly"' in page
    assert not ApiKey.objects.exists()


def test_a_form_without_its_token_is_sent_back(signed_in: Client):
    assert "The form is incomplete." in shown(signed_in.post("/keys", form(token="")))
    assert not ApiKey.objects.exists()


def test_fifty_usable_keys_are_the_most(signed_in: Client, account: Account):
    for number in range(49):
        make_key(account, name=f"Key {number}")
    make_key(account, name="Expired", expires_at=timezone.now() - timedelta(days=1))
    revoke_key(api_key=make_key(account, name="Revoked")[0], actor=SYSTEM, reason="For a test.")
    assert KEY.search(page_of(signed_in.post("/keys", form(name="The last")))) is not None
    response = signed_in.post("/keys", form(name="One more"))
    assert "Acme has 50 active keys, which is the maximum. Revoke one first." in shown(response)
    assert not ApiKey.objects.filter(name="One more").exists()


def test_forms_that_race_for_the_last_place_make_one_key(committed_db, client: Client):
    account = make_account("Acme")
    for number in range(49):
        make_key(account, name=f"Key {number}")
    user = make_user("alice@acme.example", account)
    barrier = threading.Barrier(4)

    def make() -> None:
        try:
            racer = Client()
            racer.force_login(user)
            barrier.wait(timeout=10)
            racer.post("/keys", form(name="Racer"))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert ApiKey.objects.filter(name="Racer").count() == 1


# --- the plan and the standing -------------------------------------------------------------------


def test_a_plan_without_the_api_has_no_form_says_how_to_get_keys_and_refuses(signed_in: Client, account: Account):
    Account.objects.update(plan=Plan.objects.get(pk="free"))
    response = signed_in.get("/keys")
    assert (
        "The Free plan does not include API keys. Credits from the administrator of this server unlock the API"
        in shown(response)
    )
    assert 'name="token"' not in page_of(response)
    response = signed_in.post("/keys", form())
    assert response.status_code == 403
    assert "The Free plan does not include API keys." in shown(response)
    assert not ApiKey.objects.exists()


def test_a_suspended_account_gets_no_keys_and_may_still_revoke(signed_in: Client, account: Account):
    row, _ = make_key(account)
    Account.objects.update(suspended_at=timezone.now())
    assert signed_in.post("/keys", form()).status_code == 403
    assert ApiKey.objects.count() == 1
    assert signed_in.post(f"/keys/{row.pk}/revoke").status_code == 302
    assert ApiKey.objects.get().revoked_at is not None


# --- the list ------------------------------------------------------------------------------------


def test_without_keys_the_page_says_what_belongs_there(signed_in: Client):
    assert "No keys yet Your application needs an API key to create speech." in shown(signed_in.get("/keys"))


def test_the_list_shows_the_ends_and_the_state_of_each(signed_in: Client, account: Account):
    active, secret = make_key(account, name="<b>Museum</b>")
    make_key(account, name="Nightly", expires_at=timezone.now() - timedelta(days=1))
    revoked, _ = make_key(account, name="Old laptop")
    revoke_key(api_key=revoked, actor=SYSTEM, reason="For a test.")
    response = signed_in.get("/keys")
    text = shown(response)
    assert "1 active of 50" in text
    assert "&lt;b&gt;Museum&lt;/b&gt;" in page_of(response)
    rest = "Rotate speech:write speech:read 0.00 never never Active No limits of"
    assert f"{active.prefix}…{active.last_four} {rest}" in text
    assert re.search(r"Nightly .* Expired No limits of Nightly Revoke", text)
    assert re.search(r"Old laptop .* Revoked", text)
    assert text.index("Old laptop") > text.index("Nightly")
    assert secret not in page_of(response)
    assert page_of(response).count("/revoke") == 2


def test_many_keys_are_on_several_pages(signed_in: Client, account: Account):
    for number in range(26):
        make_key(account, name=f"Key {number:02}")
    first, second = signed_in.get("/keys"), signed_in.get("/keys?page=2")
    assert "1–25 of 26" in shown(first)
    assert 'href="?page=2"' in page_of(first)
    assert "26–26 of 26" in shown(second)
    assert "Key 00" in shown(second)
    assert signed_in.get("/keys?page=x").status_code == 200


def test_the_page_asks_the_database_the_same_however_many_keys_there_are(
    signed_in: Client, account: Account, django_assert_num_queries
):
    make_key(account)
    signed_in.get("/settings/security")  # the first page of a session notes it
    with django_assert_num_queries(8):
        signed_in.get("/keys")
    for number in range(20):
        make_key(account, name=f"Key {number}")
    with django_assert_num_queries(8):
        signed_in.get("/keys")


# --- revoking ------------------------------------------------------------------------------------


def test_revoking_is_asked_first_and_says_what_is_lost(signed_in: Client, account: Account):
    row, _ = make_key(account, name="Museum guide")
    response = signed_in.get(f"/keys/{row.pk}/revoke")
    assert (
        "Requests with this key will be rejected immediately. It has never been used. This cannot be undone."
        in shown(response)
    )
    assert ApiKey.objects.get().revoked_at is None


def test_a_revoked_key_keeps_its_moment(signed_in: Client, account: Account):
    row, _ = make_key(account)
    signed_in.post(f"/keys/{row.pk}/revoke")
    moment = ApiKey.objects.get().revoked_at
    assert signed_in.get(f"/keys/{row.pk}/revoke").headers["Location"] == "/keys"
    signed_in.post(f"/keys/{row.pk}/revoke")
    assert ApiKey.objects.get().revoked_at == moment


def test_another_accounts_key_is_like_one_that_never_was(signed_in: Client):
    theirs, _ = make_key(make_account("Globex"), name="Globex key")
    never = uuid.uuid4()
    for method in ("get", "post"):
        answers = [getattr(signed_in, method)(f"/keys/{pk}/revoke") for pk in (theirs.pk, never)]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert answers[0].content == answers[1].content
    assert ApiKey.objects.get().revoked_at is None
    assert "Globex" not in page_of(signed_in.get("/keys"))


# --- who may -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "listing", "making", "asking", "revoking"),
    [
        ("owner", 200, 200, 200, 302),
        ("admin", 200, 200, 200, 302),
        ("developer", 200, 200, 200, 302),
        ("billing", 403, 403, 403, 403),
        ("viewer", 200, 403, 403, 403),
    ],
)
def test_each_role(client: Client, account: Account, role: Any, listing, making, asking, revoking):
    row, _ = make_key(account, name="Existing")
    client.force_login(make_user("bob@acme.example", account, role))
    page = client.get("/keys")
    assert page.status_code == listing
    may = making == 200
    assert ('name="token"' in page_of(page)) is may
    assert (f"/keys/{row.pk}/revoke" in page_of(page)) is may
    assert client.post("/keys", form()).status_code == making
    assert ApiKey.objects.count() == (2 if may else 1)
    assert client.get(f"/keys/{row.pk}/revoke").status_code == asking
    response = client.post(f"/keys/{row.pk}/revoke")
    assert response.status_code == revoking
    row.refresh_from_db()
    assert (row.revoked_at is not None) is may
    if not may:
        assert f"Your role in Acme is {role}. Ask an owner or admin for access." in shown(response)


def test_strangers_are_sent_to_sign_in(client: Client, account: Account):
    row, _ = make_key(account)
    for path in ("/keys", f"/keys/{row.pk}/revoke"):
        for method in ("get", "post"):
            response = getattr(client, method)(path)
            assert (response.status_code, response.headers["Location"]) == (302, f"/sign-in?next={path}")
    assert ApiKey.objects.get().revoked_at is None


def test_a_form_from_elsewhere_is_refused(alice: User, account: Account):
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    assert client.post("/keys", form()).status_code == 403
    assert not ApiKey.objects.exists()
