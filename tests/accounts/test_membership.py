"""The account a person looks at: the first, or the one they changed to; and what the frame shows of it."""

import pytest
from django.test import Client

from accounts.models import Account, Membership, User
from billing.models import Balance
from tests.factories import make_account, make_job, make_key, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice(account: Account) -> User:
    """Owns Acme, and looks at Globex."""
    user = make_user("alice@acme.example", account)
    globex = make_account("Globex", credits="31.41")
    Membership.objects.create(account=globex, user=user, role="viewer")
    make_key(globex, name="Globex key")
    return user


def test_the_oldest_place_comes_first(signed_in: Client):
    page = signed_in.get("/overview").content.decode()
    assert "<p>Acme</p>" in page
    assert "Switch to Globex" in page
    assert "31.41" not in page


def test_changing_the_account_changes_every_page_and_the_role(signed_in: Client):
    globex = Account.objects.get(name="Globex")
    response = signed_in.post("/switch-account", {"account": str(globex.pk)})
    assert (response.status_code, response.headers["Location"]) == (302, "/overview")
    page = signed_in.get("/overview").content.decode()
    assert "<p>Globex</p>" in page
    assert "31.41" in page
    assert "Switch to Acme" in page
    keys = signed_in.get("/keys").content.decode()
    assert "Globex key" in keys
    assert 'name="token"' not in keys


@pytest.mark.parametrize("asked", ["theirs", "", "x", "00000000-0000-0000-0000-000000000000"])
def test_nobody_changes_to_an_account_that_is_not_theirs(signed_in: Client, asked: str):
    theirs = make_account("Initech")
    wanted = str(theirs.pk) if asked == "theirs" else asked
    assert signed_in.post("/switch-account", {"account": wanted}).status_code == 404
    assert "<p>Acme</p>" in signed_in.get("/overview").content.decode()


def test_who_is_put_out_of_an_account_no_longer_sees_it(signed_in: Client):
    globex = Account.objects.get(name="Globex")
    signed_in.post("/switch-account", {"account": str(globex.pk)})
    Membership.objects.filter(account=globex).delete()
    page = signed_in.get("/overview").content.decode()
    assert "<p>Acme</p>" in page
    assert "Globex" not in page


def test_a_link_changes_nothing_and_neither_does_a_stranger(signed_in: Client):
    assert signed_in.get("/switch-account").status_code == 405
    assert Client().post("/switch-account").status_code == 302


def test_the_choice_does_not_outlive_the_session(signed_in: Client, alice: User):
    globex = Account.objects.get(name="Globex")
    signed_in.post("/switch-account", {"account": str(globex.pk)})
    signed_in.post("/sign-out")
    signed_in.force_login(alice)
    assert "<p>Acme</p>" in signed_in.get("/overview").content.decode()


def test_the_frame_shows_the_balance_on_every_page(signed_in: Client, account: Account):
    Balance.objects.filter(account=account).update(available_microcredits=1_842_609_999)
    for path in ("/overview", "/keys"):
        assert '<b class="num" id="balance">1,842.60</b> credits' in signed_in.get(path).content.decode()


@pytest.mark.parametrize(
    ("role", "jobs", "keys"),
    [
        ("owner", True, True),
        ("admin", True, True),
        ("developer", True, True),
        ("billing", False, False),
        ("viewer", True, True),
    ],
)
def test_the_overview_shows_each_role_what_it_may_see(client: Client, account: Account, role, jobs, keys):
    make_job(account)
    make_key(account, name="Museum guide")
    client.force_login(make_user("bob@acme.example", account, role))
    page = client.get("/overview").content.decode()
    assert ("Latest jobs" in page) is jobs
    assert ("Hello there." in page) is jobs
    assert ('href="/keys"' in page) is keys
    assert ('href="/keys"' in page) is keys
