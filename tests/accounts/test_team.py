"""The team page: who invites, joins, changes, leaves and owns; and what stays as it was when that is refused."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.errors import TeamRefused
from accounts.models import Account, AuditEntry, Invitation, Membership, Role, User
from accounts.services.audit import SYSTEM, Actor
from accounts.services.invitations import accept_invitation, invite
from accounts.services.team import transfer_ownership
from tests.factories import PASSWORD, make_account, make_user
from tests.support.mail_links import path_in

pytestmark = pytest.mark.django_db

ROLES = ["owner", "admin", "developer", "billing", "viewer"]
DANA = "dana@acme.example"


@pytest.fixture
def bob(account: Account, alice: User) -> Membership:
    """After Alice, so that she comes first."""
    user = make_user("bob@acme.example", account, Role.DEVELOPER)
    return Membership.objects.get(user=user)


def roles(account: Account) -> dict[str, str]:
    rows = Membership.objects.filter(account=account).order_by("created_at")
    return {row.user.email.partition("@")[0]: row.role for row in rows.select_related("user")}


def invited(client: Client, email: str = DANA, role: str = "viewer") -> str:
    """The path in the mail."""
    assert client.post("/team", {"email": email, "role": role}).status_code == 302
    return path_in(mail.outbox[-1], "/invitations/")


def test_a_new_person_joins_by_the_mail_and_sees_what_the_role_allows(signed_in: Client, account: Account):
    path = invited(signed_in)
    assert (mail.outbox[0].to, mail.outbox[0].subject) == ([DANA], "Join Acme on Utterance")
    dana = Client()
    assert "Join Acme" in dana.get(path).content.decode()
    assert Membership.objects.count() == 1, "looking at it is not joining"
    response = dana.post(path, {"password": PASSWORD})
    assert (response.status_code, response.headers["Location"]) == (302, "/overview")
    assert roles(account) == {"alice": "owner", "dana": "viewer"}
    assert dana.get("/jobs").status_code == 200
    page = dana.get("/team").content.decode()
    assert "Send invitation" not in page
    assert dana.post("/team", {"email": "x@acme.example", "role": "viewer"}).status_code == 403
    assert not Invitation.objects.exists()
    assert Client().get(path).status_code == 404, "a link works once"
    actions = list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))
    assert actions[-2:] == ["invitation.made", "invitation.accepted"]
    assert DANA not in str(list(AuditEntry.objects.values()))


def test_somebody_known_signs_in_and_joins_without_losing_their_own(signed_in: Client, account: Account):
    globex = make_account("Globex")
    user = make_user(DANA, globex)
    path = invited(signed_in, "Dana@Acme.example", "developer")
    dana = Client()
    assert f"/sign-in?next={path}" in dana.get(path).content.decode()
    dana.post(path, {"password": "another password entirely"})
    assert not Membership.objects.filter(account=account, user=user).exists()
    assert User.objects.get(pk=user.pk).check_password(PASSWORD)
    dana.force_login(user)
    assert dana.post(path).status_code == 302
    assert roles(account) == {"alice": "owner", "dana": "developer"}
    assert roles(globex) == {"dana": "owner"}
    assert "<p>Acme</p>" in dana.get("/overview").content.decode()


def test_another_address_does_not_join_by_a_forwarded_link(signed_in: Client, account: Account):
    path = invited(signed_in)
    eve = Client()
    eve.force_login(make_user("eve@globex.example", make_account("Globex")))
    page = eve.get(path).content.decode()
    assert "for a different email address" in page
    assert DANA not in page
    assert eve.post(path).status_code == 409
    assert roles(account) == {"alice": "owner"}
    assert Invitation.objects.count() == 1


def test_an_old_a_withdrawn_and_a_replaced_link_are_over(signed_in: Client, account: Account):
    first = invited(signed_in)
    row = Invitation.objects.get()
    assert signed_in.post(f"/team/invitations/{row.pk}/resend").status_code == 302
    second = path_in(mail.outbox[-1], "/invitations/")
    assert (Client().get(first).status_code, Client().get(second).status_code) == (404, 200)
    Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert Client().post(second, {"password": PASSWORD}).status_code == 404
    signed_in.post(f"/team/invitations/{row.pk}/withdraw")
    assert Client().get(second).status_code == 404
    assert roles(account) == {"alice": "owner"}


def test_a_short_password_joins_nobody(signed_in: Client, account: Account):
    path = invited(signed_in)
    assert "at least 12" in Client().post(path, {"password": "short"}).content.decode()
    assert roles(account) == {"alice": "owner"}


@pytest.mark.parametrize(
    ("email", "role", "says"),
    [
        ("", "viewer", "Enter your email."),
        ("no address", "viewer", "Enter an email address such as name@example.com."),
        (DANA, "owner", "Choose an option from the list."),
        (DANA, "king", "Choose an option from the list."),
        ("alice@acme.example", "viewer", "alice@acme.example is already in the team."),
        ("ed@acme.example", "viewer", "ed@acme.example has already been invited."),
    ],
)
def test_what_is_wrong_invites_nobody(signed_in: Client, email: str, role: str, says: str):
    invited(signed_in, "ed@acme.example")
    assert says in signed_in.post("/team", {"email": email, "role": role}).content.decode()
    assert (Invitation.objects.count(), len(mail.outbox)) == (1, 1)


@pytest.mark.parametrize("role", ROLES)
def test_only_those_who_manage_people_change_them(client: Client, account: Account, bob: Membership, role: str):
    actor = make_user("carol@acme.example", account, Role(role)) if role != "owner" else User.objects.get(email__startswith="alice")  # fmt: skip # noqa: E501
    client.force_login(actor)
    may = role in {"owner", "admin"}
    page = client.get("/team").content.decode()
    assert ("Send invitation" in page) is may
    assert (f"/team/members/{bob.pk}" in page) is may
    assert ("/team/owner" in page) is (role == "owner")
    row, _ = invite(account=account, email="ed@acme.example", role=Role.VIEWER, actor=SYSTEM)
    done = 302 if may else 403
    assert client.post("/team", {"email": DANA, "role": "viewer"}).status_code == done
    assert client.post(f"/team/members/{bob.pk}", {"role": "viewer"}).status_code == done
    assert client.post(f"/team/invitations/{row.pk}/resend").status_code == done
    assert client.post(f"/team/invitations/{row.pk}/withdraw").status_code == done
    assert client.get("/team/owner").status_code == (200 if role == "owner" else 403)
    assert roles(account)["bob"] == ("viewer" if may else "developer")
    assert Invitation.objects.filter(pk=row.pk).exists() is not may
    assert Invitation.objects.filter(email=DANA).exists() is may


def test_another_tenants_people_and_invitations_are_not_there(signed_in: Client):
    globex = make_account("Globex")
    charlie = Membership.objects.create(account=globex, user=make_user("charlie@globex.example"), role="viewer")
    row, _ = invite(account=globex, email=DANA, role=Role.VIEWER, actor=SYSTEM)
    for path in (f"/team/members/{charlie.pk}", f"/team/invitations/{row.pk}/resend", f"/team/invitations/{row.pk}/withdraw"):  # fmt: skip # noqa: E501
        assert signed_in.post(path, {"role": "admin", "remove": "yes"}).status_code == 404
    assert roles(globex) == {"charlie": "viewer"}
    assert Invitation.objects.count() == 1
    assert "charlie" not in signed_in.get("/team").content.decode()
    form = {"to": charlie.pk, "current": PASSWORD}
    assert "Choose an option from the list." in signed_in.post("/team/owner", form).content.decode()


def test_nobody_changes_or_removes_the_owner(client: Client, account: Account, alice: User):
    client.force_login(make_user("carol@acme.example", account, Role.ADMIN))
    owner = Membership.objects.get(user=alice)
    for form in ({"role": "viewer"}, {"remove": "yes"}):
        assert client.post(f"/team/members/{owner.pk}", form).status_code == 404
    client.force_login(alice)
    assert client.post("/team/leave").status_code == 302
    assert roles(account) == {"alice": "owner", "carol": "admin"}


def test_a_member_is_put_out_or_leaves(signed_in: Client, account: Account, bob: Membership):
    carol = Client()
    carol.force_login(make_user("carol@acme.example", account, Role.VIEWER))
    assert carol.post("/team/leave").status_code == 302
    assert signed_in.post(f"/team/members/{bob.pk}", {"remove": "yes"}).status_code == 302
    assert roles(account) == {"alice": "owner"}
    assert carol.get("/overview").status_code == 403
    assert AuditEntry.objects.filter(action="member.removed").count() == 2


def test_the_ownership_is_passed_on_with_the_password(signed_in: Client, account: Account, bob: Membership):
    page = signed_in.get("/team/owner").content.decode()
    assert re.findall(r'<(?:select|input type="password") name="(\w+)"', page) == ["to", "current"]
    refused = signed_in.post("/team/owner", {"to": bob.pk, "current": "wrong"})
    assert "Incorrect password." in refused.content.decode()
    assert roles(account) == {"alice": "owner", "bob": "developer"}
    assert signed_in.post("/team/owner", {"to": bob.pk, "current": PASSWORD}).status_code == 302
    assert roles(account) == {"alice": "admin", "bob": "owner"}
    assert signed_in.get("/team/owner").status_code == 403


def test_of_two_transfers_the_second_finds_that_it_is_late(account: Account, alice: User, bob: Membership):
    carol = Membership.objects.get(user=make_user("carol@acme.example", account, Role.ADMIN))
    seen = Membership.objects.get(user=alice)
    transfer_ownership(owner=seen, to=bob, actor=Actor.of_member(seen))
    with pytest.raises(TeamRefused):
        transfer_ownership(owner=seen, to=carol, actor=Actor.of_member(seen))
    assert roles(account) == {"alice": "admin", "bob": "owner", "carol": "admin"}


def test_an_invitation_is_accepted_once(account: Account, alice: User):
    _, token = invite(account=account, email=DANA, role=Role.VIEWER, actor=SYSTEM)
    dana = make_user(DANA)
    accept_invitation(token=token, user=dana)
    with pytest.raises(TeamRefused):
        accept_invitation(token=token, user=dana)
    assert Membership.objects.filter(user=dana).count() == 1


def test_invitations_are_limited_to_fifty_a_day(signed_in: Client, settings):
    settings.ACCOUNT_RATE_LIMITS = {"invite": "1/d/key"}
    invited(signed_in)
    page = signed_in.post("/team", {"email": "ed@acme.example", "role": "viewer"}).content.decode()
    assert "Invitation limit exceeded: 50 per day. Try again tomorrow." in page
    assert (Invitation.objects.count(), len(mail.outbox)) == (1, 1)


def test_the_page_asks_as_much_for_ten_people_as_for_one(
    signed_in: Client, account: Account, django_assert_num_queries
):
    signed_in.get("/team")
    with django_assert_num_queries(6):
        signed_in.get("/team")
    for number in range(10):
        make_user(f"p{number}@acme.example", account, Role.VIEWER)
    with django_assert_num_queries(6):
        signed_in.get("/team")
