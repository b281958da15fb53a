"""`/`, `/overview` and the error page: what they show, to whom, and what they cost the database."""

import html
import re
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.template.loader import render_to_string
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Account, Plan, User
from accounts.services.api_keys import revoke_key
from accounts.services.audit import SYSTEM
from billing.models import Balance, Price
from tests.factories import make_account, make_job, make_key, make_user
from tts import store
from tts.models import JobStatus
from voices.models import Voice

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
SIGNED_IN = ["/overview", "/keys"]

CREATED_AT = datetime(2026, 1, 8, 10, 0, tzinfo=UTC)


@pytest.fixture
def alice(account: Account) -> User:
    return make_user("alice@acme.example", account)


@pytest.fixture
def signed_in(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


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


def test_the_start_lists_the_voices_that_speak_here_with_their_price(client: Client, voices):
    Price.objects.filter(pk="premium").update(microcredits_per_character=1_234)
    page = client.get("/").content.decode()
    assert page.count("<h1>") == 1
    shown = section(page, "voices")
    assert "272 voices speak here now" in shown
    assert "Annie English (United States) espeak:en-US-eSpeak-Annie 1.24 credits" in shown


def test_a_voice_that_cannot_speak_is_not_on_the_start(client: Client, voices):
    Voice.objects.filter(voice_id="espeak:en-US-eSpeak-Annie").update(is_enabled=False)
    page = client.get("/").content.decode()
    assert "271 voices speak here now" in text_of(page)
    assert "espeak:en-US-eSpeak-Annie" not in page


def test_a_long_catalogue_is_cut_and_says_how_many_are_left(client: Client, voices):
    annie = Voice.objects.get(voice_id="espeak:en-US-eSpeak-Annie")
    annie_again = {field.name: getattr(annie, field.name) for field in Voice._meta.fields} | {"id": None}
    Voice.objects.bulk_create(
        Voice(**annie_again | {"voice_id": f"espeak:en-US-eSpeak-N{number}"}) for number in range(20)
    )
    page = client.get("/").content.decode()
    assert page.count('<th scope="row">') == 24
    assert "292 voices speak here now" in text_of(page)
    assert "268 more are in the whole list" in text_of(page)


def test_without_voices_the_start_says_so_and_shows_no_request_that_would_fail(client: Client, no_voices):
    page = client.get("/").content.decode()
    assert "No voice speaks here yet" in text_of(page)
    assert "tabset" not in page
    assert "/api/v1/tts" not in page


@pytest.mark.parametrize("name", ["curl", "python", "node"])
def test_each_sample_submits_polls_and_downloads_from_this_server(client: Client, voices, settings, name: str):
    settings.ALLOWED_HOSTS = ["speech.example.com"]
    sample = code(client.get("/", headers={"host": "speech.example.com:8443"}).content.decode(), name)
    assert "http://speech.example.com:8443" in sample
    assert "/api/v1/tts" in sample
    assert re.search(r"espeak:en-US-eSpeak-\w+", sample)
    assert "Your parcel arrives at ten." in sample
    assert "UTTERANCE_KEY" in sample
    assert sample.index(" 1. Send") < sample.index("pending") < sample.index("speech.mp3")


def test_the_python_sample_is_a_program(client: Client, voices):
    compile(code(client.get("/").content.decode(), "python"), "sample.py", "exec")


def test_the_start_offers_the_way_on_that_fits(client: Client, voices, alice: User):
    page = client.get("/").content.decode()
    assert 'href="/sign-in"' in page
    assert 'href="/overview"' not in page
    client.force_login(alice)
    page = client.get("/").content.decode()
    assert 'href="/sign-in"' not in page
    assert 'href="/overview"' in page
    assert '<form method="post" action="/sign-out">' in page


def test_the_start_asks_the_database_little(client: Client, voices, alice: User, django_assert_num_queries):
    with django_assert_num_queries(4):
        client.get("/")
    client.force_login(alice)
    with django_assert_num_queries(6):
        client.get("/")


# --- the overview --------------------------------------------------------------------------------


def test_the_overview_wants_to_know_who_you_are(client: Client, db):
    response = client.get("/overview")
    assert (response.status_code, response.headers["Location"]) == (302, "/sign-in?next=/overview")


def test_a_person_without_an_account_is_told_so(client: Client, db):
    client.force_login(make_user("lone@example.com"))
    response = client.get("/overview")
    assert response.status_code == 403
    assert "lone@example.com belongs to no account." in text_of(response.content.decode())


def test_the_overview_shows_balance_plan_and_limits(signed_in: Client, account: Account):
    Balance.objects.filter(account=account).update(available_microcredits=1_842_609_999)
    shown = text_of(signed_in.get("/overview").content.decode())
    assert "Balance 1,842.60 credits" in shown
    assert "Plan Enterprise with the API" in shown
    assert "New speech 1,000 requests in 15 minutes at most" in shown
    assert "Status, audio, lists 120,000 requests in 15 minutes at most" in shown
    assert "owed" not in shown


def test_the_overview_shows_the_limits_of_the_account_before_those_of_its_plan(signed_in: Client, account: Account):
    Account.objects.filter(pk=account.pk).update(generate_limit_override=7)
    assert "New speech 7 requests" in text_of(signed_in.get("/overview").content.decode())


def test_the_overview_shows_a_debt_rounded_up(signed_in: Client, account: Account):
    Balance.objects.filter(account=account).update(available_microcredits=0, debt_microcredits=2_400_001)
    shown = text_of(signed_in.get("/overview").content.decode())
    assert "Balance 0.00 credits; 2.41 owed, new speech waits until that is paid" in shown


def test_the_overview_says_when_the_account_is_suspended(signed_in: Client, account: Account):
    assert "suspended" not in signed_in.get("/overview").content.decode()
    Account.objects.filter(pk=account.pk).update(suspended_at=timezone.now())
    assert "This account is suspended" in text_of(signed_in.get("/overview").content.decode())


def test_keys_are_shown_by_their_ends_and_state_never_whole(signed_in: Client, account: Account):
    active, secret = make_key(account, name="Museum guide")
    active.last_used_at = CREATED_AT
    active.save(update_fields=["last_used_at"])
    make_key(account, name="Nightly", scopes=("speech:read",), expires_at=timezone.now() - timedelta(days=1))
    revoked, _ = make_key(account, name="Old laptop")
    revoke_key(api_key=revoked, actor=SYSTEM, reason="For a test.")
    page = signed_in.get("/overview").content.decode()
    shown = section(page, "keys")
    scopes = "speech:write, speech:read"
    assert f"Museum guide {active.prefix}…{active.last_four} {scopes} 8 Jan 2026, 10:00 Active" in shown
    assert re.search(r"Nightly tts_\w{4}…\w{4} speech:read never Expired", shown)
    assert f"Old laptop {revoked.prefix}…{revoked.last_four} {scopes} never Revoked" in shown
    assert secret not in page
    assert active.digest not in page
    assert shown.index("Old laptop") > shown.index("Museum guide")


def test_without_keys_the_overview_leads_to_where_one_is_made(signed_in: Client):
    page = signed_in.get("/overview").content.decode()
    assert "No keys yet. See how one is made" in section(page, "keys")
    assert page.count('href="/keys"') == 2  # the other is in the menu


def test_every_state_of_a_job_has_its_word_and_its_figures(signed_in: Client, account: Account):
    def add(status: JobStatus, **fields):
        make_job(account, status=status, created_at=CREATED_AT, cost_microcredits=1_200_000, **fields)

    add(JobStatus.PENDING, chars_charged=1_200)
    add(JobStatus.PROCESSING, chars_charged=200, chars_done=100)
    add(JobStatus.COMPLETED, chars_charged=42, audio_key="ab/one-1.wav", finished_at=CREATED_AT)
    add(JobStatus.COMPLETED, chars_charged=43, erased_at=CREATED_AT, finished_at=CREATED_AT)
    add(
        JobStatus.FAILED,
        chars_charged=44,
        refunded_microcredits=1_200_000,
        error_message="The engine stopped.",
    )
    add(JobStatus.CANCELLED, chars_charged=45, refunded_microcredits=700_000)
    page = signed_in.get("/overview").content.decode()
    shown = section(page, "jobs")
    beginning = "8 Jan 2026, 10:00 espeak:en-US-eSpeak-Annie"
    assert f"{beginning} 1,200 1.20 Pending" in shown
    assert f"{beginning} 200 1.20 Processing 50 %" in shown
    assert f"{beginning} 42 1.20 Completed Download the speech of 8 Jan 2026, 10:00" in shown
    assert f"{beginning} 43 1.20 Completed Deleted" in shown
    assert f"{beginning} 44 1.20 1.20 back Failed The engine stopped." in shown
    assert f"{beginning} 45 1.20 0.70 back Cancelled" in shown
    assert page.count('<time class="nowrap" datetime="2026-01-08T10:00:00+00:00">') == 6
    assert page.count("<audio") == 1


def test_the_audio_of_a_job_can_be_heard_and_downloaded(signed_in: Client, account: Account, tmp_path: Path):
    job = make_job(account, status=JobStatus.COMPLETED, attempt=1, finished_at=CREATED_AT)
    job.audio_key = store.audio_key(job, 1)
    job.save(update_fields=["audio_key"])
    path = tmp_path / "spoken.wav"
    path.write_bytes(b"RIFF, more or less")
    store.save_audio(job.audio_key, path)
    page = signed_in.get("/overview").content.decode()
    (source,) = re.findall(r'<audio [^>]*src="([^"]*)"', page)
    (link,) = re.findall(r'href="([^"]*)"\s+download', page)
    assert source == link
    assert source.startswith(f"/audio/{job.audio_key}?")
    assert 'preload="none"' in page
    response = Client().get(html.unescape(source))  # signed: whoever has it needs no session
    assert response.getvalue() == b"RIFF, more or less"


def test_the_overview_can_be_refreshed_while_something_runs(signed_in: Client, account: Account):
    make_job(account, status=JobStatus.COMPLETED, finished_at=CREATED_AT, erased_at=CREATED_AT)
    assert "Refresh" not in signed_in.get("/overview").content.decode()
    make_job(account, status=JobStatus.PENDING)
    assert "Refresh" in signed_in.get("/overview").content.decode()


def test_the_overview_shows_the_latest_twenty_jobs(signed_in: Client, account: Account):
    for number in range(21):
        make_job(account, chars_charged=1000 + number, created_at=CREATED_AT + timedelta(minutes=number))
    shown = section(signed_in.get("/overview").content.decode(), "jobs")
    assert shown.index("1,020 0.00") < shown.index("1,001 0.00")
    assert "1,000 0.00" not in shown


def test_nothing_of_another_account_is_shown(signed_in: Client, account: Account):
    globex = make_account("Globex", credits="31.41")
    make_job(globex, voice_id="espeak:en-US-eSpeak-Secret", chars_charged=31_415)
    make_key(globex, name="Globex key")
    page = signed_in.get("/overview").content.decode()
    for secret in ("Globex", "31.41", "31,415", "eSpeak-Secret"):
        assert secret not in page


def test_texts_are_neither_shown_nor_read(signed_in: Client, account: Account):
    make_job(account, text="The lighthouse keeper sleeps.")
    with CaptureQueriesContext(connection) as queries:
        page = signed_in.get("/overview").content.decode()
    assert "lighthouse" not in page
    (of_jobs,) = [query["sql"] for query in queries if 'FROM "tts_job"' in query["sql"]]
    assert '"tts_job"."text",' not in of_jobs


def test_what_people_named_is_escaped(signed_in: Client, account: Account):
    Account.objects.filter(pk=account.pk).update(name="<script>alert(1)</script>")
    make_job(account, status=JobStatus.FAILED, error_message="<b>bold</b>", finished_at=CREATED_AT)
    page = signed_in.get("/overview").content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert" not in page
    assert "&lt;b&gt;bold" in page


def test_without_jobs_the_overview_shows_the_first_request(signed_in: Client, voices):
    page = signed_in.get("/overview").content.decode()
    assert "No speech yet." in section(page, "jobs")
    assert "http://testserver/api/v1/tts" in code(page, "curl")


def test_without_the_api_the_overview_does_not_show_a_request_that_would_be_refused(
    signed_in: Client, voices, account: Account
):
    Account.objects.filter(pk=account.pk).update(plan=Plan.objects.get(pk="free"))
    page = signed_in.get("/overview").content.decode()
    assert "The Free plan does not include the API." in section(page, "jobs")
    assert "/api/v1/tts" not in page


def test_the_overview_asks_the_database_the_same_however_much_there_is(
    signed_in: Client, account: Account, voices, django_assert_num_queries
):
    make_job(account)
    make_key(account)
    with django_assert_num_queries(6):
        signed_in.get("/overview")
    for number in range(15):
        make_job(account, status=JobStatus.COMPLETED, audio_key=f"ab/{number}-1.wav", finished_at=CREATED_AT)
        make_key(account, name=f"Key {number}")
    with django_assert_num_queries(6):
        signed_in.get("/overview")


def test_the_overview_without_jobs_asks_the_database_once_more(signed_in: Client, voices, django_assert_num_queries):
    with django_assert_num_queries(7):
        signed_in.get("/overview")


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
    assert "<title>Nothing here · Utterance</title>" in page
    assert "Error 404 Nothing here There is nothing at this address." in text_of(page)


def test_a_host_that_is_not_ours_gets_the_error_page(client: Client, db):
    response = client.get("/", headers={"host": "evil.example"})
    assert response.status_code == 400
    page = response.content.decode()
    assert "Error 400" in text_of(page)
    assert "evil.example" not in page


def test_a_link_that_is_over_gets_the_error_page(client: Client, db):
    response = client.get(f"/audio/ab/{uuid.uuid4()}-1.wav?expires=1&signature=wrong")
    assert response.status_code == 403
    assert "Error 403 This is not a link we made" in text_of(response.content.decode())


def test_the_error_page_needs_neither_a_request_nor_the_database():
    context = {"title": "Something failed on our side", "message": "Try again.", "status": 500}
    page = render_to_string("error.html", context)
    assert "Error 500 Something failed on our side Try again. Go to the start" in text_of(page)


def test_a_failure_shows_the_number_to_quote_and_nothing_of_its_cause(db, alice: User, monkeypatch: pytest.MonkeyPatch):
    def fail(account):
        raise RuntimeError("the database of alice exploded")

    monkeypatch.setattr("tts.frame.get_balance", fail)
    client = Client(raise_request_exception=False)
    client.force_login(alice)
    response = client.get("/overview", headers={"X-Request-ID": "req-42"})
    assert response.status_code == 500
    shown = text_of(response.content.decode())
    assert "Error 500 Something failed on our side" in shown
    assert "quote req-42" in shown
    assert "exploded" not in shown
