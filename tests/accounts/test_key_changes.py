"""A key that gets a new secret, another name, other scopes: what works when, for whom, and what is written down."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.models import Account, ApiKey, AuditEntry, Membership, Role
from tests.factories import make_account, make_key, make_user

SECRET = re.compile(r'<input id="fresh-key"[^>]*value="(tts_[0-9A-Za-z]{36})"', re.DOTALL)

pytestmark = pytest.mark.django_db


def status_with(secret: str) -> int:
    return Client().get("/api/v1/tts", headers={"Authorization": f"Bearer {secret}"}).status_code


def rotate(client: Client, row: ApiKey, overlap_hours: object = 24, **changes: Any) -> str:
    """The new secret; "" when none was made."""
    data = {"last_four": row.last_four, "overlap_hours": overlap_hours} | changes
    match = SECRET.search(client.post(f"/keys/{row.pk}/rotate", data).content.decode())
    return match[1] if match else ""


def test_both_secrets_work_for_the_hours_chosen_and_then_the_new_one_alone(signed_in: Client, account: Account, voices):
    row, old = make_key(account)
    with time_machine.travel("2026-01-08T10:00:00Z", tick=False) as clock:
        new = rotate(signed_in, row, overlap_hours=24)
        assert new not in {"", old}
        assert (status_with(old), status_with(new)) == (200, 200)
        clock.shift(timedelta(hours=23, minutes=59))
        assert (status_with(old), status_with(new)) == (200, 200)
        clock.shift(timedelta(minutes=1))
        assert (status_with(old), status_with(new)) == (401, 200)


def test_it_stays_the_same_key(signed_in: Client, account: Account):
    row, _ = make_key(account, name="Museum guide", scopes=("speech:read",))
    ApiKey.objects.filter(pk=row.pk).update(monthly_cap_microcredits=5_000_000)
    new = rotate(signed_in, row)
    rotated = ApiKey.objects.get()
    assert (rotated.pk, rotated.name, rotated.scopes) == (row.pk, "Museum guide", ["speech:read"])
    assert rotated.monthly_cap_microcredits == 5_000_000
    assert (rotated.prefix, rotated.last_four) == (new[:8], new[-4:])
    assert (rotated.old_digest, rotated.old_last_four) == (row.digest, row.last_four)


def test_without_an_overlap_the_old_secret_ends_at_once(signed_in: Client, account: Account, voices):
    row, old = make_key(account)
    new = rotate(signed_in, row, overlap_hours=0)
    assert (status_with(old), status_with(new)) == (401, 200)


def test_the_same_form_sent_twice_rotates_once(signed_in: Client, account: Account, voices):
    row, old = make_key(account)
    new = rotate(signed_in, row)
    assert rotate(signed_in, row) == ""  # `last_four` is that of the first
    assert (status_with(old), status_with(new)) == (200, 200)


def test_revoking_ends_both_secrets(signed_in: Client, account: Account, voices):
    row, old = make_key(account)
    new = rotate(signed_in, row)
    signed_in.post(f"/keys/{row.pk}/revoke")
    assert (status_with(old), status_with(new)) == (401, 401)


def test_an_expired_key_opens_with_neither(signed_in: Client, account: Account, voices):
    row, old = make_key(account)
    new = rotate(signed_in, row)
    ApiKey.objects.filter(pk=row.pk).update(expires_at=timezone.now())
    assert (status_with(old), status_with(new)) == (401, 401)
    assert signed_in.get(f"/keys/{row.pk}/rotate").status_code == 302


def test_the_old_secret_can_be_ended_before_its_time(signed_in: Client, account: Account, voices):
    row, old = make_key(account)
    new = rotate(signed_in, row, overlap_hours=168)
    assert "Revoke old secret" in signed_in.get(f"/keys/{row.pk}/rotate").content.decode()
    assert signed_in.post(f"/keys/{row.pk}/end-old").status_code == 302
    assert (status_with(old), status_with(new)) == (401, 200)


@pytest.mark.parametrize("hours", ["2", "-1", "x", ""])
def test_an_overlap_that_is_not_offered_changes_nothing(signed_in: Client, account: Account, hours: str):
    row, _ = make_key(account)
    assert rotate(signed_in, row, overlap_hours=hours) == ""
    assert ApiKey.objects.get().digest == row.digest


def test_the_secret_is_shown_once_and_kept_nowhere(signed_in: Client, account: Account):
    row, _ = make_key(account)
    new = rotate(signed_in, row)
    for path in ("/keys", f"/keys/{row.pk}/rotate"):
        assert new not in signed_in.get(path).content.decode()
    assert new not in str(signed_in.session.items())
    assert new not in str(AuditEntry.objects.values())


def test_name_and_scopes_can_be_changed(signed_in: Client, account: Account):
    row, secret = make_key(account, name="Test")
    response = signed_in.post(f"/keys/{row.pk}/edit", {"name": "  Museum  guide", "scopes": ["speech:write"]})
    assert response.status_code == 302
    row.refresh_from_db()
    assert (row.name, row.scopes) == ("Museum guide", ["speech:write"])
    assert status_with(secret) == 403


@pytest.mark.parametrize(
    "data, problem",
    [
        ({"name": "", "scopes": ["speech:read"]}, "Enter the name of the application"),
        ({"name": "N" * 81, "scopes": ["speech:read"]}, "at most 80 characters"),
        ({"name": "N", "scopes": []}, "Choose at least one permission."),
        ({"name": "N", "scopes": ["admin"]}, "Choose an option from the list."),
    ],
)
def test_a_wrong_edit_says_why_and_changes_nothing(signed_in: Client, account: Account, data, problem: str):
    row, _ = make_key(account, name="Test")
    response = signed_in.post(f"/keys/{row.pk}/edit", data)
    assert (response.status_code, problem in response.content.decode()) == (200, True)
    row.refresh_from_db()
    assert (row.name, row.scopes) == ("Test", ["speech:write", "speech:read"])


def test_each_change_is_in_the_audit_trail(signed_in: Client, account: Account):
    row, _ = make_key(account)
    rotate(signed_in, row, overlap_hours=0)
    signed_in.post(f"/keys/{row.pk}/edit", {"name": "Guide", "scopes": ["speech:read"]})
    rotated, edited = AuditEntry.objects.exclude(action="key.made").order_by("id")
    assert (rotated.action, rotated.before, rotated.after) == (
        "key.rotated", {"last_four": row.last_four}, {"old_secret_ends": "now"},
    )  # fmt: skip
    assert (edited.action, edited.after) == ("key.edited", {"scopes": ["speech:read"], "renamed": True})
    assert rotated.actor == f"user:{Membership.objects.get(account=account).user_id}"


@pytest.mark.parametrize("role, status", [("admin", 200), ("developer", 200), ("viewer", 403), ("billing", 403)])
@pytest.mark.parametrize("page", ["rotate", "edit"])
def test_who_may_change_keys(client: Client, account: Account, role: str, status: int, page: str):
    row, _ = make_key(account)
    client.force_login(make_user("bob@acme.example", account, Role(role)))
    assert client.get(f"/keys/{row.pk}/{page}").status_code == status
    if status == 403:
        rotate(client, row)
        client.post(f"/keys/{row.pk}/edit", {"name": "Taken", "scopes": ["speech:read"]})
        assert client.post(f"/keys/{row.pk}/end-old").status_code == 403
        unchanged = ApiKey.objects.get()
        assert (unchanged.digest, unchanged.name) == (row.digest, row.name)


@pytest.mark.parametrize("page", ["rotate", "edit", "end-old"])
def test_another_accounts_key_is_a_404(signed_in: Client, page: str):
    row, _ = make_key(make_account("Globex"))
    assert signed_in.post(f"/keys/{row.pk}/{page}", {}).status_code == 404
