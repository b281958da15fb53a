"""The one search box under /admin: what finds whom."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Account, User
from tests.factories import make_account, make_job, make_key, make_user
from tests.support.rows import text_of

NOTHING = "No results."


def find(client: Client, text: str) -> str:
    response = client.post("/admin/search/", {"q": text})
    assert response.status_code == 200
    return response.content.decode()


def is_linked(page: str, app: str, model: str, pk: object) -> bool:
    return f'href="/admin/{app}/{model}/{pk}/change/"' in page


@pytest.fixture
def globex(account: Account) -> Account:
    globex = make_account("Globex")
    make_user("charlie@globex.example", globex)
    return globex


@pytest.mark.parametrize("text", ["alice@acme.example", " ALICE@acme.example ", "alice@", "ali"])
def test_an_email_or_its_beginning_finds_the_person_and_the_account(
    administrator: Client, account: Account, alice: User, globex: Account, text: str
):
    page = find(administrator, text)
    assert is_linked(page, "accounts", "user", alice.pk)
    assert is_linked(page, "accounts", "account", account.pk)
    assert not is_linked(page, "accounts", "account", globex.pk)


@pytest.mark.parametrize(
    "shown",
    [
        lambda key: key,
        lambda key: key[:8],
        lambda key: f"{key[:8]}…{key[-4:]}",
        lambda key: f"{key[:8]}...{key[-4:]}",
    ],
    ids=["whole", "prefix", "as shown", "typed"],
)
def test_a_key_is_found_whole_by_its_prefix_and_as_pages_show_it(
    administrator: Client, account: Account, globex: Account, shown
):
    row, key = make_key(account)
    other = make_key(globex)[0]
    page = find(administrator, shown(key))
    assert is_linked(page, "accounts", "apikey", row.pk)
    assert is_linked(page, "accounts", "account", account.pk)
    assert not is_linked(page, "accounts", "apikey", other.pk)


def test_a_whole_key_is_in_no_address_and_the_page_is_not_kept(administrator: Client, account: Account):
    assert 'method="post"' in administrator.get("/admin/search/").content.decode()
    assert "no-store" in administrator.get("/admin/search/").headers["Cache-Control"]
    row = make_key(account)[0]
    page = administrator.get("/admin/search/", {"q": str(row.pk)}).content.decode()
    assert str(row.pk) not in page  # a query in the address is not looked at


def test_an_id_finds_an_account_a_job_a_key_or_a_person(
    administrator: Client, account: Account, alice: User, globex: Account
):
    job, row = make_job(account, text="SECRET-TEXT"), make_key(account)[0]
    for pk, app, model in (
        (account.pk, "accounts", "account"),
        (job.pk, "tts", "job"),
        (row.pk, "accounts", "apikey"),
        (alice.pk, "accounts", "user"),
    ):
        page = find(administrator, str(pk))
        assert is_linked(page, app, model, pk)
        assert not is_linked(page, "accounts", "account", globex.pk)
        assert "SECRET-TEXT" not in page
    assert is_linked(find(administrator, str(job.pk).replace("-", "").upper()), "tts", "job", job.pk)


def test_the_name_of_an_account_finds_it(administrator: Client, account: Account, globex: Account):
    page = find(administrator, "glob")
    assert is_linked(page, "accounts", "account", globex.pk)
    assert not is_linked(page, "accounts", "account", account.pk)


@pytest.mark.parametrize(
    "text",
    [
        "nobody@acme.example",
        "0abe3a97-431f-4521-bbe3-8ce994a38489",
        "tts_zzzz",
        "tts_",
        "%",
        "_",
        "\0",
        "x" * 5000,
        "' OR 1=1 --",
    ],
)
def test_what_is_not_known_is_said_and_what_was_typed_stays(administrator: Client, alice: User, text: str):
    page = find(administrator, text)
    assert NOTHING in page
    assert "/change/" not in page


def test_what_was_typed_is_shown_as_text(administrator: Client):
    page = find(administrator, '"><script>alert(1)</script>')
    assert "<script>alert" not in page
    assert "alert(1)" in page


def test_support_may_search_and_customers_may_not(support: Client, client: Client, alice: User, account: Account):
    assert is_linked(find(support, "alice@acme.example"), "accounts", "user", alice.pk)
    client.force_login(alice)
    response = client.post("/admin/search/", {"q": "alice@acme.example"})
    assert response.status_code == 302
    assert text_of(response.content.decode()) == ""


def test_a_search_costs_few_queries_however_many_are_found(administrator: Client, account: Account):
    for number in range(50):
        make_user(f"person{number}@acme.example", make_account(f"Account {number}"))
    with CaptureQueriesContext(connection) as queries:
        page = find(administrator, "person")
    assert page.count("/admin/accounts/user/") == 20 + 1  # and the one of the navigation
    assert len(queries) <= 20
