"""Staff need a second factor before a page under /admin opens, wherever others can reach the service."""

import json
import re
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client

from accounts.models import Account, User
from accounts.services.audit import COMMAND_LINE
from accounts.services.second_factor import take_off_second_factor, turn_off_app, turn_on_app
from tests.factories import PASSWORD
from tests.operations.desk.test_pages import LISTS, admin_routes
from tests.support.passkeys import ADD, Device, options_of
from tests.support.totp import code_of

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
ENROL = "/settings/security"
PAGES = ["/admin/", "/admin/search/", "/admin/maintenance/", *LISTS]


@pytest.fixture
def needed(settings) -> None:
    settings.STAFF_NEED_SECOND_FACTOR = True


def is_led_to_enrol(client: Client, path: str = "/admin/", **extra: Any) -> bool:
    """Whether a page, followed, ends where a second factor is set up."""
    response = client.get(path, follow=True, **extra)
    return response.redirect_chain[-1:] == [(ENROL, 302)] and response.status_code == 200


def sign_in(client: Client, user: User, **data: str) -> Any:
    return client.post("/sign-in", {"login": user.email, "password": PASSWORD} | data)


# --- who has none ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("needed")
def test_no_page_opens_without_a_second_factor(support: Client, billing_staff: Client, administrator: Client):
    for client in (support, billing_staff, administrator):
        for path in PAGES:
            assert is_led_to_enrol(client, path), path


@pytest.mark.usefixtures("needed")
def test_nor_does_any_address_under_admin(administrator: Client):
    routes = admin_routes() - {"admin/login", "admin/login/"}
    assert len(routes) > 50
    for route in sorted(routes):
        path = "/" + re.sub(r"\(\?P<url>.*", "anything", re.sub(r"<[^>]+>", "1", route)).rstrip("$")
        for response in (administrator.get(path), administrator.post(path)):
            assert response.status_code == 302, path
            assert response.headers["Location"].partition("?")[0] in {"/admin/login/", "/admin/"}, path
    assert is_led_to_enrol(administrator, "/admin/login/")


@pytest.mark.usefixtures("needed")
def test_an_action_that_is_sent_all_the_same_changes_nothing(administrator: Client, account: Account):
    response = administrator.post(f"/admin/accounts/account/{account.pk}/do/suspend/", {"reason": "Chargeback."})
    assert response.status_code == 302
    account.refresh_from_db()
    assert not account.is_suspended


@pytest.mark.usefixtures("needed")
def test_the_next_sign_in_leads_to_it(client: Client, ada: User):
    for data in ({}, {"next": "/admin/"}, {"next": "/overview"}):
        assert sign_in(client, ada, **data).headers["Location"] == ENROL
        page = client.get(ENROL).content.decode()
        assert "Set up a second factor" in page
        client.post("/sign-out")


@pytest.mark.usefixtures("needed")
def test_customers_go_where_they_wanted(client: Client, alice: User):
    assert sign_in(client, alice, next="/keys").headers["Location"] == "/keys"
    assert "Set up a second factor" not in client.get(ENROL).content.decode()


# --- who sets one up, and who loses it -------------------------------------------------------------


@pytest.mark.usefixtures("needed")
def test_an_app_opens_the_pages(client: Client, ada: User):
    sign_in(client, ada)
    client.post("/settings/confirm", {"password": PASSWORD, "next": f"{ENROL}/app"})
    (secret,) = re.findall(r'id="secret"\s+value="([A-Z2-7]{32})"', client.get(f"{ENROL}/app").content.decode())
    client.post(f"{ENROL}/app", {"code": "000000"})
    assert is_led_to_enrol(client), "a wrong code sets nothing up"
    page = client.post(f"{ENROL}/app", {"code": code_of(secret)}).content.decode()
    assert 'href="/admin/"' in page
    for path in PAGES:
        assert client.get(path).status_code == 200, path
    assert "Set up a second factor" not in client.get(ENROL).content.decode()


@pytest.mark.usefixtures("needed")
def test_a_passkey_alone_does_too(client: Client, ada: User):
    sign_in(client, ada)
    client.post("/settings/confirm", {"password": PASSWORD, "next": ADD})
    credential = Device().make(options_of(client.get(ADD)))
    client.post(ADD, {"name": "Key", "credential": json.dumps(credential)})
    assert client.get("/admin/").status_code == 200


@pytest.mark.usefixtures("needed")
def test_who_has_one_goes_straight_to_the_page(client: Client, ada: User):
    turn_on_app(user=ada, secret=SECRET)
    assert sign_in(client, ada, next="/admin/search/").headers["Location"] == "/sign-in/code"
    assert client.get("/admin/").headers["Location"].startswith("/admin/login/"), "half-way is not in"
    assert client.post("/sign-in/code", {"code": code_of(SECRET)}).headers["Location"] == "/admin/search/"
    assert client.get("/admin/search/").status_code == 200


@pytest.mark.usefixtures("needed")
def test_recovery_codes_alone_are_no_second_factor(administrator: Client, ada: User):
    Authenticator.objects.create(user=ada, type=Authenticator.Type.RECOVERY_CODES, data={"seed": "x", "used_mask": 0})
    assert is_led_to_enrol(administrator)


@pytest.mark.usefixtures("needed")
def test_who_takes_the_last_one_off_is_led_to_it_again(administrator: Client, ada: User):
    turn_on_app(user=ada, secret=SECRET)
    assert administrator.get("/admin/").status_code == 200
    turn_off_app(user=ada)
    assert is_led_to_enrol(administrator)
    turn_on_app(user=ada, secret=SECRET)
    assert administrator.get("/admin/").status_code == 200
    take_off_second_factor(user=ada, actor=COMMAND_LINE, reason="Lost.")
    assert is_led_to_enrol(administrator)


@pytest.mark.usefixtures("needed")
def test_somebody_who_becomes_staff_while_signed_in_is_led_to_it(client: Client, alice: User):
    client.force_login(alice)
    assert client.get("/admin/", follow=True).status_code == 403
    User.objects.filter(pk=alice.pk).update(is_staff=True)
    assert is_led_to_enrol(client)


# --- where none is needed ----------------------------------------------------------------------------


def test_on_one_machine_that_nobody_else_reaches_none_is_needed(client: Client, ada: User):
    assert sign_in(client, ada, next="/admin/").headers["Location"] == "/admin/"
    assert client.get("/admin/").status_code == 200
    assert "Set up a second factor" not in client.get(ENROL).content.decode()


@pytest.mark.parametrize("address", ["203.0.113.7", "10.0.0.2", "::ffff:203.0.113.7", ""])
def test_a_request_from_another_machine_needs_one_all_the_same(administrator: Client, address: str):
    assert is_led_to_enrol(administrator, REMOTE_ADDR=address)


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded"])
def test_so_does_one_that_came_through_a_proxy(administrator: Client, header: str):
    assert is_led_to_enrol(administrator, headers={header: "127.0.0.1"})


@pytest.mark.usefixtures("needed")
@pytest.mark.parametrize("proxies", [0, 1])
@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "localhost"},
        {"Host": "127.0.0.1"},
        {"X-Forwarded-For": "127.0.0.1"},
        {"X-Forwarded-For": "127.0.0.1, 127.0.0.1"},
        {"X-Forwarded-Host": "localhost"},
        {"Forwarded": "for=127.0.0.1;host=localhost"},
        {"X-Real-IP": "127.0.0.1"},
    ],
)
def test_no_header_makes_a_service_one_of_loopback(
    administrator: Client, settings, proxies: int, headers: dict[str, str]
):
    settings.TRUSTED_PROXIES = proxies
    for address in ("203.0.113.7", "127.0.0.1"):
        assert is_led_to_enrol(administrator, headers=headers, REMOTE_ADDR=address)


# --- Django's own page for a new password ----------------------------------------------------------------


def test_django_s_page_for_a_new_password_leads_to_ours_and_changes_nothing(administrator: Client, ada: User):
    better = "another good long sentence"
    form = {"old_password": PASSWORD, "new_password1": better, "new_password2": better}
    for path in ("/admin/password_change/", "/admin/password_change/done/"):
        for response in (administrator.get(path), administrator.post(path, form)):
            assert (response.status_code, response.headers["Location"]) == (302, "/settings")
    ada.refresh_from_db()
    assert ada.check_password(PASSWORD)
