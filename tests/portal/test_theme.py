"""Light, dark, or as the system has it: chosen with a form, kept in a cookie, written into the page by the server."""

import re

import pytest
from django.test import Client

from tests.factories import make_user

pytestmark = pytest.mark.django_db

AS_THE_SYSTEM = '<html lang="en">'


def html_tag(page: str) -> str:
    match = re.search(r"<html[^>]*>", page)
    assert match is not None
    return match[0]


def scheme(page: str) -> str:
    match = re.search(r'<meta name="color-scheme"\s+content="([^"]*)">', page)
    assert match is not None
    return match[1]


@pytest.mark.parametrize("path", ["/", "/voices", "/pricing", "/sign-in", "/docs/api", "/nothing-here"])
def test_a_chosen_theme_is_on_every_page_until_it_is_taken_back(client: Client, voices, path: str):
    page = client.get(path).content.decode()
    assert (html_tag(page), scheme(page)) == (AS_THE_SYSTEM, "light dark")

    answer = client.post("/theme", {"theme": "dark", "next": path})
    assert (answer.status_code, answer.headers["Location"]) == (302, path)
    cookie = answer.cookies["theme"]
    assert (cookie.value, cookie["httponly"], cookie["samesite"]) == ("dark", True, "Lax")
    assert cookie["max-age"] == 365 * 24 * 3600
    page = client.get(path).content.decode()
    assert (html_tag(page), scheme(page)) == ('<html lang="en" data-theme="dark">', "dark")

    client.post("/theme", {"theme": "auto", "next": path})
    page = client.get(path).content.decode()
    assert (html_tag(page), scheme(page)) == (AS_THE_SYSTEM, "light dark")


def test_members_have_the_switch_in_their_menu_and_it_shows_what_is_chosen(client: Client, account):
    client.force_login(make_user("alice@acme.example", account))
    client.post("/theme", {"theme": "light"})
    page = client.get("/overview?x=1").content.decode()
    assert html_tag(page) == '<html lang="en" data-theme="light">'
    assert page.count('action="/theme"') == 1
    assert '<input type="hidden" name="next" value="/overview?x=1">' in page
    pressed = dict(re.findall(r'name="theme"\s+value="(\w+)".*?aria-pressed="(\w+)"', page, re.DOTALL))
    assert pressed == {"auto": "false", "light": "true", "dark": "false"}


@pytest.mark.parametrize("theme", ["", "purple", '"><script>'])
def test_what_is_no_theme_changes_nothing(client: Client, db, theme: str):
    client.post("/theme", {"theme": "dark"})
    answer = client.post("/theme", {"theme": theme})
    assert answer.status_code == 204
    assert "theme" not in answer.cookies
    assert html_tag(client.get("/").content.decode()) == '<html lang="en" data-theme="dark">'


def test_a_forged_cookie_is_no_theme(client: Client, db):
    client.cookies["theme"] = "purple"
    assert html_tag(client.get("/").content.decode()) == AS_THE_SYSTEM


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:alert(1)", ""])
def test_nobody_is_sent_elsewhere(client: Client, db, target: str):
    answer = client.post("/theme", {"theme": "dark", "next": target})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")


def test_who_only_looks_around_gets_no_cookie(client: Client, voices):
    for path in ("/", "/voices", "/pricing", "/docs/api"):
        assert not client.get(path).cookies, path
