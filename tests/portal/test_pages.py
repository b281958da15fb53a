"""`/`, `/overview` and the error page: what they show, to whom, and what they cost the database."""

import html
import re
import uuid
from datetime import UTC, datetime

import pytest
from django.template.loader import render_to_string
from django.test import Client
from django.utils import timezone

from accounts.models import Account, Plan, User
from billing.models import Balance, Pack, Price
from tests.factories import build_made_sample, make_account, make_job, make_key, make_user
from tts.models import JobStatus
from voices.models import Voice
from voices.selectors import usable_voices

PUBLIC = [
    "/",
    "/sign-in",
    "/sign-up",
    "/confirm-email",
    "/confirm-email/over",
    "/reset-password",
    "/reset-password/sent",
    "/reset-password/done",
    "/reset-password/abc-over",
    "/nothing-here",
]
SIGNED_IN = ["/overview", "/keys", "/playground", "/jobs"]

CREATED_AT = datetime(2026, 1, 8, 10, 0, tzinfo=UTC)


def text_of(page: str) -> str:
    """What a reader reads, with single spaces."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page)).split())


def section(page: str, heading_id: str) -> str:
    """The text of the section that is labelled by this heading."""
    return text_of(page.split(f'aria-labelledby="{heading_id}"')[1].split("</section>")[0])


def code(page: str, name: str) -> str:
    match = re.search(rf'<code id="{name}-code">(.*?)</code>', page, re.DOTALL)
    assert match is not None
    return html.unescape(match[1])


# --- the start -----------------------------------------------------------------------------------


def test_the_start_plays_a_voice_and_says_what_that_costs(client: Client, voices):
    Price.objects.filter(pk="premium").update(microcredits_per_character=1_234)
    annie = Voice.objects.get(voice_id="espeak:en-US-eSpeak-Annie")
    for kind, text in (("news", "Eleven."), ("story", "It was raining.")):
        build_made_sample(annie, kind, text=text).save()
    page = client.get("/").content.decode()
    assert page.count("<h1>") == 1
    example = page.split("<figure")[1].split("</figure>")[0]
    assert re.findall(r'href="(/voices/.*/samples/\w+)"', example) == [
        f"/voices/{annie.voice_id}/samples/{kind}" for kind in ("story", "news")
    ]
    assert example.count('<svg class="wave wave--lg"') == 2
    shown = text_of(f"<figure{example}")
    assert "Story News Basic" in shown
    assert "It was raining. Annie · English (United States) 15 characters · 0.02 credits" in shown
    assert "1.24 credits per 1,000 characters" in section(page, "prices")


def test_without_a_sample_the_start_plays_nothing(client: Client, voices):
    page = client.get("/").content.decode()
    assert "<figure" not in page
    assert "/sample" not in page
    assert "272 voices you can listen to" in section(page, "voices")


def test_a_voice_that_cannot_speak_is_not_on_the_start(client: Client, voices):
    Voice.objects.filter(language="en-US").exclude(voice_id="espeak:en-US-eSpeak-Annie").delete()
    assert "espeak:en-US-eSpeak-Annie" in client.get("/").content.decode()
    count = usable_voices().count()
    Voice.objects.filter(voice_id="espeak:en-US-eSpeak-Annie").update(is_enabled=False)
    page = client.get("/").content.decode()
    assert f"{count - 1} voices you can listen to" in text_of(page)
    assert "espeak:en-US-eSpeak-Annie" not in page


def test_a_server_of_other_languages_shows_what_it_has(client: Client, voices):
    Voice.objects.exclude(language="pl-PL").delete()
    page = client.get("/").content.decode()
    assert "Polish" in section(page, "voices")
    assert "Wszyscy ludzie rodzą się wolni" in code(page, "curl")


def test_the_start_says_where_text_goes_and_what_is_sold(client: Client, voices):
    Voice.objects.filter(voice_id="espeak:en-US-eSpeak-Annie").update(provider="google", model_type="ultra")
    shown = section(client.get("/").content.decode(), "prices")
    assert "Google Cloud Google 1 500,000 bytes 4.00 credits" in shown
    assert "eSpeak NG This server 271 500,000 bytes 1.00 credits" in shown
    assert "1,000 credits, one-time $10.00" in shown
    assert "Pro, 3,000 credits per month $29.00" in shown


def test_where_nothing_is_sold_the_start_names_the_price_of_speech_alone(client: Client, voices):
    Plan.objects.update(is_sold=False)
    Pack.objects.update(is_enabled=False)
    shown = section(client.get("/").content.decode(), "prices")
    assert "1.00 credits per 1,000 characters" in shown
    assert "$" not in shown
    assert "per month" not in shown


def test_without_voices_the_start_says_so_and_shows_no_request_that_would_fail(client: Client, no_voices):
    page = client.get("/").content.decode()
    assert "No voices available yet" in text_of(page)
    assert "tabset" not in page
    assert "/api/v1/tts" not in page


@pytest.mark.parametrize("name", ["curl", "python", "node"])
def test_the_first_request_is_to_this_server_and_in_a_voice_of_it(client: Client, voices, settings, name: str):
    settings.ALLOWED_HOSTS = ["speech.example.com"]
    sample = code(client.get("/", headers={"host": "speech.example.com:8443"}).content.decode(), name)
    assert "http://speech.example.com:8443/api/v1/tts" in sample
    assert re.search(r"espeak:en-US-eSpeak-\w+", sample)
    assert "Your parcel arrives at ten." in sample
    assert "UTTERANCE_KEY" in sample


def test_the_python_sample_is_a_program(client: Client, voices):
    compile(code(client.get("/").content.decode(), "python"), "sample.py", "exec")


def test_the_start_offers_the_way_on_that_fits(client: Client, voices, alice: User):
    page = client.get("/").content.decode()
    assert 'href="/sign-in"' in page
    assert 'href="/overview"' not in page
    assert "Start with 10 free credits" in text_of(page)
    client.force_login(alice)
    page = client.get("/").content.decode()
    assert 'href="/sign-in"' not in page
    assert 'href="/overview"' in page
    assert "Start with 10 free credits" not in text_of(page)
    assert '<form method="post" action="/sign-out">' in page


def test_the_start_asks_the_database_little(client: Client, voices, alice: User, django_assert_num_queries):
    with django_assert_num_queries(10):
        client.get("/")
    client.force_login(alice)
    with django_assert_num_queries(12):
        client.get("/")


# --- the overview --------------------------------------------------------------------------------


def test_the_overview_wants_to_know_who_you_are(client: Client, db):
    response = client.get("/overview")
    assert (response.status_code, response.headers["Location"]) == (302, "/sign-in?next=/overview")


def test_a_person_without_an_account_is_told_so(client: Client, db):
    client.force_login(make_user("lone@example.com"))
    response = client.get("/overview")
    assert response.status_code == 403
    assert "lone@example.com is not a member of any account." in text_of(response.content.decode())


def test_the_overview_shows_a_debt_rounded_up(signed_in: Client, account: Account):
    Balance.objects.filter(account=account).update(available_microcredits=0, debt_microcredits=2_400_001)
    shown = text_of(signed_in.get("/overview").content.decode())
    assert "Balance 0.00 credits; 2.41 owed. New speech is blocked until this is paid." in shown


def test_the_overview_says_when_the_account_is_suspended(signed_in: Client, account: Account):
    assert "suspended" not in signed_in.get("/overview").content.decode()
    Account.objects.filter(pk=account.pk).update(suspended_at=timezone.now())
    assert "This account is suspended" in text_of(signed_in.get("/overview").content.decode())


def test_the_overview_can_be_refreshed_while_something_runs(signed_in: Client, account: Account):
    make_job(account, status=JobStatus.COMPLETED, finished_at=CREATED_AT, erased_at=CREATED_AT)
    assert "Refresh" not in signed_in.get("/overview").content.decode()
    make_job(account, status=JobStatus.PENDING)
    assert "Refresh" in signed_in.get("/overview").content.decode()


def test_nothing_of_another_account_is_shown(signed_in: Client, account: Account):
    globex = make_account("Globex", credits="31.41")
    make_job(globex, voice_id="espeak:en-US-eSpeak-Secret", chars_charged=31_415)
    make_key(globex, name="Globex key")
    page = signed_in.get("/overview").content.decode()
    for secret in ("Globex", "31.41", "31,415", "eSpeak-Secret"):
        assert secret not in page


def test_the_overview_is_kept_by_no_cache(signed_in: Client):
    assert "no-store" in signed_in.get("/overview").headers["Cache-Control"]


# --- every page ----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/overview"])
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_pages_are_only_read(signed_in: Client, path: str, method: str):
    assert getattr(signed_in, method)(path).status_code == 405


@pytest.mark.parametrize("path", [*PUBLIC, *SIGNED_IN])
def test_every_page_has_its_landmarks_and_nothing_inline_or_from_elsewhere(
    client: Client, voices, alice: User, path: str
):
    if path in SIGNED_IN:
        client.force_login(alice)
    response = client.get(path)
    page = response.content.decode()
    assert '<html lang="en">' in page
    frame = '<header class="bar">' if path in SIGNED_IN else '<header class="site">'
    for once in ('<a class="skip" href="#main">', "<main ", 'id="main"', "<h1", frame):
        assert page.count(once) == 1, once
    assert page.count("<footer ") == (0 if path in SIGNED_IN else 1)
    assert re.findall(r"<style|\sstyle=|\son\w+=", page) == []
    assert all('src="/static/' in tag for tag in re.findall(r"<script[^>]*>", page))
    elsewhere = re.findall(r'(?:src|href|action)="(?:https?:)?//[^"]*"', page)
    assert elsewhere == []
    assert "default-src 'self'" in response.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", [*PUBLIC, *SIGNED_IN])
def test_every_link_leads_somewhere(client: Client, voices, alice: User, path: str):
    if path in SIGNED_IN:
        client.force_login(alice)
    page = client.get(path).content.decode()
    links = set(re.findall(r'<a [^>]*href="([^"]*)"', page))
    assert links
    for link in links:
        if link.startswith("#"):
            assert f'id="{link[1:]}"' in page, link
        else:
            assert client.get(link).status_code in {200, 302}, link


# --- the error page ------------------------------------------------------------------------------


def test_an_unknown_address_gets_the_error_page(client: Client, db):
    response = client.get("/nothing-here")
    assert response.status_code == 404
    page = response.content.decode()
    assert "<title>Page not found · Utterance</title>" in page
    assert "Error 404 Page not found There is nothing at this address." in text_of(page)


def test_a_host_that_is_not_ours_gets_the_error_page(client: Client, db):
    response = client.get("/", headers={"host": "evil.example"})
    assert response.status_code == 400
    page = response.content.decode()
    assert "Error 400" in text_of(page)
    assert "evil.example" not in page


def test_a_link_that_is_over_gets_the_error_page(client: Client, db):
    response = client.get(f"/audio/ab/{uuid.uuid4()}-1.wav?expires=1&signature=wrong")
    assert response.status_code == 403
    assert "Error 403 This link is invalid" in text_of(response.content.decode())


def test_the_error_page_needs_neither_a_request_nor_the_database():
    context = {"title": "Something went wrong", "message": "Try again.", "status": 500}
    page = render_to_string("error.html", context)
    assert "Error 500 Something went wrong Try again. Go to the home page" in text_of(page)


def test_a_failure_shows_the_number_to_quote_and_nothing_of_its_cause(db, alice: User, monkeypatch: pytest.MonkeyPatch):
    def fail(account):
        raise RuntimeError("the database of alice exploded")

    monkeypatch.setattr("portal.context.get_balance", fail)
    client = Client(raise_request_exception=False)
    client.force_login(alice)
    response = client.get("/overview", headers={"X-Request-ID": "req-42"})
    assert response.status_code == 500
    shown = text_of(response.content.decode())
    assert "Error 500 Something went wrong" in shown
    assert "request ID req-42" in shown
    assert "exploded" not in shown
