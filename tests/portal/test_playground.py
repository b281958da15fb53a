"""`/playground`: speaks for the price and by the rules of the API, once a form, for those whose role allows it."""

import html
import json
import re
import shlex
import uuid
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Account, Role, User
from accounts.services.audit import SYSTEM
from accounts.services.maintenance import start_maintenance
from billing.models import LedgerEntry
from billing.selectors import get_balance
from portal.code_samples import code_samples
from tests.factories import make_account, make_job, make_user
from tts.models import Job
from voices.models import Voice

ANNIE = "espeak:en-US-eSpeak-Annie"
HTMX = {"HX-Request": "true"}

pytestmark = pytest.mark.django_db


def form(**changes: Any) -> dict[str, Any]:
    return {
        "text": "Good evening.", "voice_id": ANNIE, "output_format": "mp3", "speed": "1", "format": "text",
        "sample_rate_hertz": "", "prompt": "", "token": str(uuid.uuid4()),
    } | changes  # fmt: skip


def shown(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", response.content.decode()).split())


# --- speaking ------------------------------------------------------------------------------------


def test_without_script_the_form_leads_to_the_page_of_its_job(signed_in: Client, account: Account, alice: User):
    response = signed_in.post("/playground", form(speed="1.5", sample_rate_hertz="48000"))
    job = Job.objects.get()
    assert (response.status_code, response.headers["Location"]) == (302, f"/jobs/{job.pk}")
    assert (job.account, job.api_key, job.text, job.voice_id) == (account, None, "Good evening.", ANNIE)
    assert (job.output_format, job.speed, job.sample_rate_hertz, job.is_streamed) == ("mp3", 1.5, 48000, False)
    entry = LedgerEntry.objects.get(job_id=job.pk)
    assert (entry.amount_microcredits, entry.actor) == (-13_000, f"user:{alice.pk}")


def test_with_script_the_answer_is_the_progress_a_new_token_and_the_balance(signed_in: Client, account: Account):
    data = form(stream="on")
    response = signed_in.post("/playground", data, headers=HTMX)
    job = Job.objects.get()
    page = response.content.decode()
    assert "<html" not in page
    assert f'hx-get="/jobs/{job.pk}/sound"' in page
    assert re.search(rf'<audio[^>]*src="/stream/{job.pk}/[0-9a-f]{{64}}"', page)
    assert f'id="balance" hx-swap-oob="true">{99.98}</b>' in " ".join(page.split())
    assert data["token"] not in page
    assert job.is_streamed


def test_the_same_form_sent_again_is_neither_spoken_nor_charged_again(signed_in: Client, account: Account):
    data = form()
    first, second = (signed_in.post("/playground", data).headers["Location"] for _ in range(2))
    assert first == second
    assert Job.objects.count() == 1
    assert get_balance(account).available_microcredits == 100_000_000 - 13_000


def test_the_same_form_with_another_text_is_another_job(signed_in: Client):
    data = form()
    signed_in.post("/playground", data)
    signed_in.post("/playground", data | {"text": "Good night."})
    assert sorted(Job.objects.values_list("text", flat=True)) == ["Good evening.", "Good night."]


def test_a_line_break_is_one_character(signed_in: Client):
    signed_in.post("/playground", form(text="One.\r\nTwo."))
    job = Job.objects.get()
    assert (job.text, job.chars_charged) == ("One.\nTwo.", 9)


def test_an_account_on_the_free_plan_may_try_things(signed_in: Client, account: Account):
    Account.objects.filter(pk=account.pk).update(plan="free")
    assert signed_in.post("/playground", form()).status_code == 302


# --- refusals: at the field, nothing lost, nothing charged -----------------------------------------


@pytest.mark.parametrize(
    "changes, field, problem",
    [
        ({"text": " \n"}, "text", "Enter a text."),
        ({"voice_id": "espeak:xx-Nobody"}, "voice_id", "There is no voice"),
        ({"speed": "5"}, "speed", "Must be between 0.25 and 4.0."),
        ({"speed": "fast"}, "speed", "Enter a number from 0.25 to 4."),
        ({"speed": "nan"}, "speed", "Enter a number"),
        ({"output_format": "flac"}, "output_format", "Choose an option from the list."),
        ({"output_format": "ogg_opus", "sample_rate_hertz": "44100"}, "sample_rate_hertz", "44"),
        ({"format": "markup"}, "format", "Annie does not support markup."),
        ({"format": "ssml", "text": "<speak><audio src='/etc/passwd'/></speak>"}, "text", "audio"),
        ({"prompt": "Whisper."}, "prompt", "Annie does not accept a prompt."),
        ({"text": "A" * 100_001, "stream": "on"}, "text", "100,000"),
        ({"text": "nul \x00"}, "text", "Null characters are not allowed."),
    ],
)
@pytest.mark.parametrize("headers", [{}, HTMX], ids=["without script", "with script"])
def test_what_a_voice_does_not_take_is_told_at_its_field(
    signed_in: Client, account: Account, changes, field, problem, headers
):
    response = signed_in.post("/playground", form(**changes), headers=headers)
    page = response.content.decode()
    assert response.status_code == 200
    assert "No speech was generated and nothing was charged" in page
    error = re.search(rf'id="id_{field}_error">(.*?)</p>', page, re.DOTALL)
    assert error is not None
    assert problem in error[1]
    assert f'href="#id_{field}"' in page
    assert Job.objects.count() == 0
    assert get_balance(account).available_microcredits == 100_000_000
    if headers:
        assert response.headers["HX-Retarget"] == "#playground"


def test_what_was_typed_is_still_there(signed_in: Client):
    page = signed_in.post("/playground", form(text="My <long> text", speed="9", stream="on")).content.decode()
    assert "My &lt;long&gt; text</textarea>" in page
    assert re.search(rf'<option value="{ANNIE}"\s+selected>', page)
    assert re.search(r'name="stream"[^>]*checked', page)


def test_too_few_credits_are_told_with_both_numbers(client: Client, voices):
    poor = make_account("Poor", credits="0.01")
    client.force_login(make_user("poor@acme.example", poor))
    response = client.post("/playground", form(text="A" * 500))
    assert "Need 0.50 credits, have 0.01. Add credits, or shorten the text." in shown(response)
    assert Job.objects.count() == 0


def test_a_suspended_account_does_not_speak(signed_in: Client, account: Account):
    Account.objects.filter(pk=account.pk).update(suspended_at=timezone.now())
    assert "This account is suspended." in shown(signed_in.post("/playground", form()))
    assert Job.objects.count() == 0


def test_nobody_speaks_during_maintenance(signed_in: Client):
    start_maintenance(actor=SYSTEM, reason="For a test.")
    assert "down for maintenance" in shown(signed_in.post("/playground", form()))
    assert Job.objects.count() == 0


def test_the_playground_counts_with_the_api(signed_in: Client, account: Account):
    Account.objects.filter(pk=account.pk).update(generate_limit_override=1)
    assert signed_in.post("/playground", form()).status_code == 302
    assert "Rate limit exceeded: 1 request per 15 minutes." in shown(signed_in.post("/playground", form(text="More.")))
    assert Job.objects.count() == 1


# --- price and code ------------------------------------------------------------------------------


def test_the_price_of_what_is_typed(signed_in: Client, account: Account):
    response = signed_in.post("/playground/price", form(text="A" * 1_500))
    assert "1.50 credits for 1,500 characters, leaving 98.50" in shown(response)
    assert "1,500 of 500,000 bytes accepted by Annie" in shown(response)
    assert Job.objects.count() == 0


def test_the_price_says_what_stands_in_the_way(signed_in: Client):
    Voice.objects.filter(voice_id=ANNIE).update(supports_speed=False)
    assert "Annie does not support a custom speed." in shown(signed_in.post("/playground/price", form(speed="2")))


@pytest.mark.parametrize("changes", [{"text": ""}, {"voice_id": "x"}, {"speed": ""}, {"text": "\x00"}, {"speed": "x"}])
def test_the_price_of_half_a_form_is_no_failure(signed_in: Client, changes):
    assert signed_in.post("/playground/price", form(**changes)).status_code == 200


def test_the_code_is_the_same_request(signed_in: Client):
    body = {"text": "It's \"ten\" o'clock — $HOME `id` \\ {x}", "voice_id": ANNIE, "output_format": "mp3", "speed": 1.5}
    samples = code_samples(body, base_url="https://speech.example.com", is_streamed=False)
    command = samples["curl"].partition("ANSWER=$(")[2].partition(")\necho ")[0]
    words = shlex.split(command.replace("\\\n", " "))
    assert words[:4] == ["curl", "--fail-with-body", "-sS", "https://speech.example.com/api/v1/tts"]
    assert json.loads(words[-1]) == body
    compile(samples["python"], "sample.py", "exec")
    assert eval(re.search(r"json=(\{.*?\n    \})", samples["python"], re.DOTALL)[1]) == body  # type: ignore[index] # noqa: S307
    assert json.loads(re.search(r"JSON.stringify\((.*?)\),\n\}\);", samples["node"], re.DOTALL)[1]) == body  # type: ignore[index]


def test_the_code_of_a_stream_asks_for_one(signed_in: Client):
    page = signed_in.post("/playground/price", form(stream="on")).content.decode()
    assert "http://testserver/api/v1/tts/stream" in page


# --- the page ------------------------------------------------------------------------------------


def test_voices_are_grouped_by_language_with_their_price(signed_in: Client):
    page = signed_in.get("/playground").content.decode()
    group = page.split('<optgroup label="English (United States)">')[1].split("</optgroup>")[0]
    assert re.search(rf'<option value="{ANNIE}"[^>]*>\s*Annie, eSpeak, Basic, 1.00\s*</option>', group)
    assert page.count("<h1>") == 1
    assert "0.07 credits" in page  # of the example that stands there


def test_an_earlier_job_can_be_changed_and_spoken_again(signed_in: Client, account: Account):
    asked: dict[str, Any] = {"speed": 1.5, "output_format": "ogg_opus", "sample_rate_hertz": 48000, "bitrate_kbps": 64}
    job = make_job(account, text="Once more.", **asked)
    page = signed_in.get(f"/playground?like={job.pk}").content.decode()
    assert "Once more.</textarea>" in page
    assert re.search(r'name="speed"[^>]*value="1.5"', page)
    assert re.search(r'value="ogg_opus"\s+selected', page)


@pytest.mark.parametrize("asked, chosen", [(ANNIE, ANNIE), ("espeak:xx-Nobody", ANNIE)])
def test_the_address_can_name_the_voice(signed_in: Client, asked: str, chosen: str):
    page = signed_in.get(f"/playground?voice_id={asked}").content.decode()
    assert re.findall(r'<option value="(espeak:[^"]*)"\s+selected', page) == [chosen]
    assert f'"voice_id": "{chosen}"' in html.unescape(page)  # in the code, too


def test_another_accounts_job_is_not_shown(signed_in: Client):
    job = make_job(make_account("Globex"), text="Their secret.")
    assert "Their secret." not in signed_in.get(f"/playground?like={job.pk}").content.decode()


def test_without_voices_it_says_so(client: Client, alice: User, no_voices):
    client.force_login(alice)
    assert "No voices available yet" in shown(client.get("/playground"))


@pytest.mark.parametrize("role, status", [("admin", 200), ("developer", 200), ("viewer", 403), ("billing", 403)])
def test_who_may_speak(client: Client, account: Account, voices, role: str, status: int):
    client.force_login(make_user("bob@acme.example", account, Role(role)))
    assert client.get("/playground").status_code == status
    assert client.post("/playground/price", form()).status_code == status
    client.post("/playground", form())
    assert Job.objects.count() == (1 if status == 200 else 0)


def test_the_page_asks_the_database_little(signed_in: Client, django_assert_max_num_queries):
    signed_in.get("/settings/security")  # the first page of a session notes it
    with django_assert_max_num_queries(12):
        signed_in.get("/playground")
