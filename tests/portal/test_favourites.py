"""Favourites: a person's own, kept by a star, found in the gallery, first in the playground."""

import re

import pytest
from django.test import Client

from accounts.models import Account, User
from tests.factories import make_account, make_user
from tests.support.envelopes import ANNIE
from tests.support.rows import text_of
from voices.models import Favourite, Voice

LEE = "espeak:en-GB-eSpeak-Lee"
STAR = f"/voices/{ANNIE}/favourite"
PRESSED = re.compile(r'aria-pressed="(\w+)"\s+aria-label="Annie is a favourite"')


def favourites_of(user: User) -> list[str]:
    return sorted(Favourite.objects.filter(user=user).values_list("voice__voice_id", flat=True))


def found(client: Client, query: str) -> list[str]:
    page = client.get(f"/voices{query}").content.decode()
    return re.findall(r'<a href="/voices/([^"/]+)">', page)


def test_a_star_is_set_and_taken_away_and_leads_back(signed_in: Client, alice: User):
    back = "/voices?q=en-us-espeak-annie"
    for _ in range(2):  # a second click changes nothing
        answer = signed_in.post(STAR, {"on": "1", "next": back})
        assert (answer.status_code, answer.headers["Location"]) == (302, back)
        assert favourites_of(alice) == [ANNIE]
    assert PRESSED.findall(signed_in.get(back).content.decode()) == ["true"]
    assert PRESSED.findall(signed_in.get(f"/voices/{ANNIE}").content.decode()) == ["true"]
    for _ in range(2):
        signed_in.post(STAR, {"on": "0", "next": back})
        assert favourites_of(alice) == []
    assert PRESSED.findall(signed_in.get(back).content.decode()) == ["false"]


def test_with_script_the_answer_is_the_star_alone(signed_in: Client):
    answer = signed_in.post(STAR, {"on": "1"}, headers={"HX-Request": "true"})
    page = answer.content.decode()
    assert page.count("<form") == 1
    assert "<html" not in page
    assert PRESSED.findall(page) == ["true"]


def test_the_gallery_shows_favourites_alone_when_asked(signed_in: Client, alice: User):
    assert "No favourites yet" in signed_in.get("/voices?favourites=on").content.decode()
    for voice_id in (ANNIE, LEE):
        signed_in.post(f"/voices/{voice_id}/favourite", {"on": "1"})
    assert sorted(found(signed_in, "?favourites=on")) == sorted([ANNIE, LEE])
    assert found(signed_in, "?favourites=on&language=en-GB") == [LEE]
    page = signed_in.get("/voices?favourites=on&language=en-GB").content.decode()
    assert '<input type="hidden" name="favourites" value="on">' in page
    assert 'href="/voices?language=en-GB"' in page
    Voice.objects.filter(voice_id=LEE).update(is_enabled=False)
    assert found(signed_in, "?favourites=on") == [ANNIE]


def test_favourites_are_a_persons_own_in_every_account(signed_in: Client, alice: User, account: Account):
    signed_in.post(STAR, {"on": "1"})
    bob = Client()
    bob.force_login(make_user("bob@acme.example", account))
    assert found(bob, "?favourites=on") == []
    lone = Client()
    lone.force_login(make_user("lone@example.com"))
    lone.post(f"/voices/{LEE}/favourite", {"on": "1"})
    assert found(lone, "?favourites=on") == [LEE]
    assert favourites_of(alice) == [ANNIE]


def test_they_come_first_in_the_playground_and_once(signed_in: Client):
    page = signed_in.get("/playground").content.decode()
    assert "Favourites" not in page
    signed_in.post(f"/voices/{LEE}/favourite", {"on": "1"})
    page = signed_in.get("/playground").content.decode()
    groups = re.findall(r'<optgroup label="([^"]*)">', page)
    assert groups[0] == "Favourites"
    assert page.count(f'<option value="{LEE}"') == 1
    first = page.split('<optgroup label="Favourites">')[1].split("</optgroup>")[0]
    assert text_of(first) == "Lee, English (United Kingdom), eSpeak, Basic, 1.00"
    assert f'<option value="{LEE}" selected>' in page


def test_who_is_not_signed_in_sees_no_star_and_is_asked_to_sign_in(client: Client, voices):
    page = client.get("/voices?favourites=on").content.decode()
    assert "is a favourite" not in page
    assert "Favourites" not in page
    assert "is a favourite" not in client.get(f"/voices/{ANNIE}").content.decode()
    answer = client.post(STAR, {"on": "1"})
    assert (answer.status_code, answer.headers["Location"]) == (
        302,
        f"/sign-in?next=/voices/{ANNIE.replace(':', '%3A')}",
    )
    assert not Favourite.objects.exists()


def test_a_star_needs_the_token_of_its_form(voices, alice: User):
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    assert client.post(STAR, {"on": "1"}).status_code == 403
    assert favourites_of(alice) == []


@pytest.mark.parametrize("on", ["", "yes", "2"])
def test_what_is_neither_on_nor_off_changes_nothing(signed_in: Client, alice: User, on: str):
    signed_in.post(STAR, {"on": "1"})
    assert signed_in.post(STAR, {"on": on}).status_code == 302
    assert favourites_of(alice) == [ANNIE]


def test_a_voice_that_does_not_speak_here_has_no_star(signed_in: Client):
    Voice.objects.filter(voice_id=ANNIE).update(is_enabled=False)
    assert signed_in.post(STAR, {"on": "1"}).status_code == 404
    assert signed_in.post("/voices/%00/favourite", {"on": "1"}).status_code == 404
    assert not Favourite.objects.exists()


def test_nobody_is_sent_elsewhere(signed_in: Client):
    answer = signed_in.post(STAR, {"on": "1", "next": "https://evil.example/"})
    assert answer.headers["Location"] == "/voices"


def test_favourites_go_with_the_person(signed_in: Client, alice: User):
    signed_in.post(STAR, {"on": "1"})
    make_account("Globex")
    User.objects.filter(pk=make_user("bob@globex.example").pk).delete()
    assert favourites_of(alice) == [ANNIE]
