"""ID tokens: a good one acts for the person it names, and every bad one of the book is refused."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.test import Client

from accounts import id_tokens
from accounts.models import ExternalIdentity, User
from accounts.services.identities import set_id_tokens_allowed
from tests.factories import make_user
from tests.peers.issuer import TokenIssuer, token_issuer
from tests.support.envelopes import error_of
from tests.webhooks.conftest import make_endpoint

URL = "/api/user/enterprise/webhook"
DELIVERIES = f"{URL}/deliveries"
pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def running():
    with token_issuer() as issuer:
        yield issuer


@pytest.fixture
def issuer(running: TokenIssuer, settings):
    running.keys = {"first": running.keys["first"]}
    running.is_away, running.asked = False, 0
    settings.OIDC_ISSUERS = [running.setting]
    id_tokens._cache.clear()
    return running


@pytest.fixture
def alice(account) -> User:
    user = make_user("alice@acme.example", account)
    set_id_tokens_allowed(user=user, is_allowed=True)
    return user


def ask(token: str, path: str = DELIVERIES):
    return Client(raise_request_exception=False).get(path, headers={"Authorization": f"Bearer {token}"})


def refused(token: str) -> dict[str, Any]:
    response = ask(token)
    assert response.headers["WWW-Authenticate"] == "Bearer"
    return error_of(response, 401, "UNAUTHORIZED")


def test_a_good_token_acts_for_the_person_and_needs_no_csrf_token(issuer, alice, hook, account):
    response = Client(enforce_csrf_checks=True).put(
        URL, json.dumps({"url": hook.url}), "application/json", headers={"Authorization": f"Bearer {issuer.token()}"}
    )
    assert response.status_code == 200, response.content
    assert account.webhook_endpoint.url == hook.url
    row = ExternalIdentity.objects.get()
    assert (row.issuer, row.subject, row.user) == (issuer.setting.issuer, "subject-1", alice)


def test_an_elliptic_key_will_do(issuer, alice):
    issuer.keys["curve"] = ec.generate_private_key(ec.SECP256R1())
    assert ask(issuer.token(kid="curve", algorithm="ES256")).status_code == 200


def _part(value: object) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _with_header(token: str, header: dict[str, str]) -> str:
    return f"{_part(header)}.{token.split('.')[1]}"


def _signed_with_the_public_key(issuer: TokenIssuer) -> str:
    """HS256, with the public key for a secret: what a careless verifier takes."""
    public = (
        issuer.keys["first"]
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    head = _with_header(issuer.token(), {"alg": "HS256", "kid": "first", "typ": "JWT"})
    return f"{head}.{_part(hmac.new(public, head.encode(), hashlib.sha256).digest())}"


NOW = int(time.time())
BAD = {
    "wrong audience": lambda issuer: issuer.token(aud="another"),
    "wrong issuer": lambda issuer: issuer.token(iss="https://accounts.google.com"),
    "no issuer": lambda issuer: issuer.token(iss=None),
    "wrong key": lambda issuer: issuer.token(key=rsa.generate_private_key(65537, 2048)),
    "unknown kid": lambda issuer: issuer.token(kid="nope", key=issuer.keys["first"]),
    "alg none": lambda issuer: _with_header(issuer.token(), {"alg": "none", "kid": "first"}) + ".",
    "HS256 with the public key": _signed_with_the_public_key,
    "RS512": lambda issuer: issuer.token(algorithm="RS512"),
    "issued in the future": lambda issuer: issuer.token(iat=NOW + 6000),
    "not valid yet": lambda issuer: issuer.token(nbf=NOW + 6000),
    "no exp": lambda issuer: issuer.token(exp=None),
    "no iat": lambda issuer: issuer.token(iat=None),
    "no subject": lambda issuer: issuer.token(sub=None),
    "empty subject": lambda issuer: issuer.token(sub=""),
    "subject of 129": lambda issuer: issuer.token(sub="x" * 129),
    "signed in in the future": lambda issuer: issuer.token(auth_time=NOW + 6000),
    "auth_time of text": lambda issuer: issuer.token(auth_time="yesterday"),
    "email not verified": lambda issuer: issuer.token(email_verified=False),
    "email verified as text": lambda issuer: issuer.token(email_verified="true"),
    "no email": lambda issuer: issuer.token(email=None),
    "payload changed": lambda issuer: _changed(issuer.token()),
    "not a token": lambda issuer: "a.b.c",
    "too long": lambda issuer: issuer.token(padding="x" * 10_000),
}


def _changed(token: str) -> str:
    head, payload, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return f"{head}.{_part(claims | {'sub': 'somebody-else'})}.{signature}"


@pytest.mark.parametrize("make", BAD.values(), ids=BAD.keys())
def test_a_bad_token_is_refused_and_links_nobody(issuer, alice, make):
    assert refused(make(issuer))["message"] == "This ID token is invalid."
    assert not ExternalIdentity.objects.exists()


@pytest.mark.parametrize("seconds_ago", [4000, 10, 1])
def test_an_expired_token_is_told_as_that(issuer, alice, seconds_ago):
    now = int(time.time())
    assert "expired" in refused(issuer.token(exp=now - seconds_ago, iat=now - 5000))["message"]


def test_a_subject_of_128_and_an_issuer_a_moment_ahead_are_fine(issuer, alice):
    assert ask(issuer.token(sub="x" * 128, iat=int(time.time()) + 2)).status_code == 200


def test_without_issuers_every_token_is_refused(issuer, alice, settings):
    settings.OIDC_ISSUERS = []
    refused(issuer.token())
    assert issuer.asked == 0


def test_a_person_who_did_not_allow_it_is_not_linked(issuer, account):
    make_user("alice@acme.example", account)
    assert "does not match any user" in refused(issuer.token())["message"]
    assert not ExternalIdentity.objects.exists()


def test_an_email_that_is_not_confirmed_here_is_not_linked(issuer, alice):
    alice.emailaddress_set.update(verified=False)
    assert "does not match any user" in refused(issuer.token())["message"]


def test_after_the_first_time_the_subject_counts_and_not_the_email(issuer, alice, account):
    assert ask(issuer.token()).status_code == 200
    bob = make_user("bob@acme.example", account)
    set_id_tokens_allowed(user=bob, is_allowed=True)
    assert ask(issuer.token(email="bob@acme.example")).status_code == 200
    assert ExternalIdentity.objects.get().user == alice
    # Who is given Alice's mailbox later is another subject, and nobody here.
    refused(issuer.token(sub="subject-2"))
    assert ExternalIdentity.objects.count() == 1


def test_no_longer_allowed_is_refused_from_the_next_request_on(issuer, alice):
    assert ask(issuer.token()).status_code == 200
    set_id_tokens_allowed(user=alice, is_allowed=False)
    refused(issuer.token())


def test_a_disabled_person_is_refused(issuer, alice):
    assert ask(issuer.token()).status_code == 200
    User.objects.filter(pk=alice.pk).update(is_active=False)
    refused(issuer.token())


def test_keys_are_asked_for_once(issuer, alice):
    assert [ask(issuer.token()).status_code for _ in range(5)] == [200] * 5
    assert issuer.asked == 1


def test_unknown_keys_make_us_ask_once_a_minute_at_most(issuer, alice, monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    assert ask(issuer.token()).status_code == 200
    issuer.keys["second"] = rsa.generate_private_key(65537, 2048)
    for _ in range(3):
        refused(issuer.token(kid="second"))
    assert issuer.asked == 1
    clock[0] += 61
    assert ask(issuer.token(kid="second")).status_code == 200
    assert issuer.asked == 2


def test_keys_that_are_known_do_while_the_issuer_is_away(issuer, alice, monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    assert ask(issuer.token()).status_code == 200
    issuer.is_away = True
    clock[0] += 4000
    assert ask(issuer.token()).status_code == 200
    assert issuer.asked == 2


def test_an_issuer_that_never_answered_is_told_as_that(issuer, alice):
    issuer.is_away = True
    response = ask(issuer.token())
    error_of(response, 503, "ISSUER_UNAVAILABLE")
    assert response.headers["Retry-After"] == "60"


def test_an_api_key_or_another_scheme_is_no_token(issuer, alice, key):
    refused(key[1])
    response = Client().get(DELIVERIES, headers={"Authorization": f"Basic {issuer.token()}"})
    error_of(response, 401, "UNAUTHORIZED")


def test_a_token_goes_before_the_cookie_it_came_with(issuer, alice, account, hook):
    make_endpoint(account, hook.url)
    client = Client()
    client.force_login(alice)
    response = client.get(URL, headers={"Authorization": "Bearer a.b.c"})
    error_of(response, 401, "UNAUTHORIZED")
