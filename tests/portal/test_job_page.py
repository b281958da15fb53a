"""`/jobs/<id>`: its sound, request and answer, where the time went; again, cancel, delete: by whom, once, for what."""

import html
import json
import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from django.utils import timezone

from accounts.models import Account, Role, User
from billing.models import LedgerEntry
from billing.selectors import get_balance
from portal.waveform import draw_wave
from speech.audio.peaks import MAX_PEAKS, Peaks
from tests.factories import make_account, make_admission, make_job, make_user
from tts.models import Job, JobStatus
from tts.requests import SpeechRequest
from tts.services.submit import submit_job
from tts.storage import store

pytestmark = pytest.mark.django_db


def completed(account: Account, **fields: Any) -> Job:
    now = timezone.now()
    values: dict[str, Any] = {"attempt": 1, "finished_at": now, "started_at": now, "created_at": now} | fields
    job = make_job(account, status=JobStatus.COMPLETED, duration_ms=4_000, **values)
    job.audio_key = store.audio_storage().save(store.audio_key(job, 1), ContentFile(b"RIFF"))
    job.save(update_fields=["audio_key"])
    return job


def shown(response: Any) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", response.content.decode())).split())


# --- what it shows -------------------------------------------------------------------------------


def test_a_completed_job_can_be_heard_downloaded_and_read(signed_in: Client, account: Account):
    job = completed(account, text="Good <evening>.", peaks=bytes([0, 128, 255]), audio_bytes=172_400)
    page = signed_in.get(f"/jobs/{job.pk}").content.decode()
    (link,) = re.findall(r'<a class="play"\s+href="([^"]*)"', page)
    assert Client().get(html.unescape(link)).getvalue() == b"RIFF"
    assert "Good &lt;evening&gt;." in page
    assert "Download, 172 kB" in page
    assert 'd="M0 27.0h1.6v2.0h-1.6zM3 14.9h1.6v26.1h-1.6zM6 2.0h1.6v52.0h-1.6z"' in page
    assert "hx-trigger" not in page  # nothing asks any more
    assert page.count("<h1>") == 1


def test_request_and_answer_are_as_the_api_has_them(signed_in: Client, account: Account):
    job = completed(account, text="Hi.", speed=1.5, metadata={"room": 3})
    page = signed_in.get(f"/jobs/{job.pk}").content.decode()

    def code(name: str) -> Any:
        return json.loads(html.unescape(page.split(f'<code id="{name}-code">')[1].split("</code>")[0]))

    assert code("request") == {
        "text": "Hi.", "voice_id": job.voice_id, "speed": 1.5, "output_format": "wav", "sample_rate_hertz": 22050,
        "metadata": {"room": 3},
    }  # fmt: skip
    answer = code("response")
    assert (answer["success"], answer["data"]["job_id"], answer["data"]["status"]) == (True, str(job.pk), "completed")


def test_where_the_time_went(signed_in: Client, account: Account):
    now = timezone.now()
    begun, ended = now + timedelta(milliseconds=41), now + timedelta(milliseconds=1_540)
    job = completed(
        account, created_at=now, started_at=begun, finished_at=ended,
        first_sound_ms=236, synthesis_ms=1_000, encoding_ms=400, storing_ms=66,
    )  # fmt: skip
    text = shown(signed_in.get(f"/jobs/{job.pk}"))
    assert "Timing 1,540 ms in total" in text
    assert "Queued 41 ms Time to first audio 236 ms Remaining speech 764 ms" in text
    assert "Encoding to wav 400 ms Storing 66 ms" in text


def test_a_job_from_before_times_were_taken_has_none(signed_in: Client, account: Account):
    assert "Timing" not in shown(signed_in.get(f"/jobs/{completed(account).pk}"))


@pytest.mark.parametrize("status", [JobStatus.PENDING, JobStatus.PROCESSING])
def test_what_runs_asks_for_itself_with_and_without_script(signed_in: Client, account: Account, status: JobStatus):
    job = make_job(account, status=status, chars_done=6)
    page = signed_in.get(f"/jobs/{job.pk}").content.decode()
    assert 'hx-trigger="every 1s"' in page
    assert '<meta http-equiv="refresh" content="2">' in page.split("<noscript>")[1].split("</noscript>")[0]
    assert 'value="50"' in page
    fragment = signed_in.get(f"/jobs/{job.pk}/sound").content.decode()
    assert f'hx-get="/jobs/{job.pk}/sound"' in fragment
    Job.objects.filter(pk=job.pk).update(status=JobStatus.CANCELLED, finished_at=timezone.now())
    assert "hx-get" not in signed_in.get(f"/jobs/{job.pk}/sound").content.decode()


@pytest.mark.parametrize(
    ("audio_minutes", "chars_done", "seconds_left", "said"),
    [
        (12, 1_000, 1_850, "12 of about 120 minutes of audio done, about 31 minutes left"),
        (12, 1_000, 70, "12 of about 120 minutes of audio done, about a minute left"),
        (119.7, 9_980, 12, "119 of about 120 minutes of audio done, less than a minute left"),
        (119.7, 9_980, -40, "119 of about 120 minutes of audio done, less than a minute left"),
        (0.05, 1_000, 170, "About 3 minutes left"),  # short, but slow
        (0.05, 1_000, 30, ""),  # there in a moment
        (12, 1_000, None, ""),  # nothing is known of the pace
        (0, 0, 1_850, ""),
    ],
)
def test_a_long_job_tells_the_minutes_done_and_left(
    signed_in: Client, account: Account, audio_minutes: float, chars_done: int, seconds_left: int | None, said: str
):
    expected = None if seconds_left is None else timezone.now() + timedelta(seconds=seconds_left)
    job = make_job(
        account, status=JobStatus.PROCESSING, text="a" * 10_000, chars_done=chars_done,
        audio_ms_done=round(audio_minutes * 60_000), expected_finish_at=expected,
    )  # fmt: skip
    for path in (f"/jobs/{job.pk}", f"/jobs/{job.pk}/sound", "/jobs"):
        text = shown(signed_in.get(path))
        assert (said in text) if said else (" left" not in text)
    Job.objects.filter(pk=job.pk).update(status=JobStatus.PENDING)
    assert " left" not in shown(signed_in.get(f"/jobs/{job.pk}"))


def test_a_stream_that_can_be_opened_is_not_reloaded_away(signed_in: Client, account: Account):
    soon = timezone.now() + timedelta(minutes=5)
    job = make_job(account, stream_expires_at=soon)
    page = signed_in.get(f"/jobs/{job.pk}").content.decode()
    assert re.search(rf'src="/stream/{job.pk}/', page)
    assert "http-equiv" not in page
    Job.objects.filter(pk=job.pk).update(stream_opened_at=timezone.now())
    assert "/stream/" not in signed_in.get(f"/jobs/{job.pk}").content.decode()


def test_a_failed_job_says_why_and_that_its_credits_are_back(signed_in: Client, account: Account):
    job = make_job(
        account, status=JobStatus.FAILED, finished_at=timezone.now(), error_message="It stopped half-way.",
        cost_microcredits=2_400_000, refunded_microcredits=2_400_000,
    )  # fmt: skip
    text = shown(signed_in.get(f"/jobs/{job.pk}"))
    assert "It stopped half-way." in text
    assert "2.40 credits, 2.40 refunded" in text
    assert "Generate again" in text


# --- again ---------------------------------------------------------------------------------------


def test_speaking_again_is_a_new_job_with_the_same_request_charged_once(
    signed_in: Client, account: Account, alice: User
):
    job = completed(account, text="Once more.", speed=1.5, output_format="mp3", bitrate_kbps=64)
    data = {"token": str(uuid.uuid4())}
    first = signed_in.post(f"/jobs/{job.pk}/again", data)
    second = signed_in.post(f"/jobs/{job.pk}/again", data)
    new = Job.objects.exclude(pk=job.pk).get()
    assert first.headers["Location"] == second.headers["Location"] == f"/jobs/{new.pk}"
    for field in ("text", "voice_id", "speed", "output_format", "sample_rate_hertz", "bitrate_kbps", "account"):
        assert getattr(new, field) == getattr(job, field)
    entry = LedgerEntry.objects.get(job_id=new.pk)
    assert (entry.amount_microcredits, entry.actor) == (-10_000, f"user:{alice.pk}")


def test_the_button_pressed_on_a_fresh_page_speaks_once_more(signed_in: Client, account: Account):
    job = completed(account)
    for _ in range(2):
        signed_in.post(f"/jobs/{job.pk}/again", {"token": str(uuid.uuid4())})
    assert Job.objects.count() == 3


@pytest.mark.parametrize(
    "fields, status, problem",
    [
        ({"status": JobStatus.PENDING}, 409, "The job is pending."),
        ({"status": JobStatus.COMPLETED, "erased_at": timezone.now(), "text": ""}, 409, "The job's text was deleted"),
        ({"status": JobStatus.FAILED, "voice_id": "espeak:xx-Nobody"}, 400, "There is no voice"),
    ],
)
def test_what_cannot_be_spoken_again_says_why_and_costs_nothing(
    signed_in: Client, account: Account, fields, status: int, problem: str
):
    job = make_job(account, **fields)
    response = signed_in.post(f"/jobs/{job.pk}/again", {"token": str(uuid.uuid4())})
    assert response.status_code == status
    assert problem in shown(response)
    assert "Nothing was charged." in shown(response)
    assert Job.objects.count() == 1
    assert get_balance(account).available_microcredits == 100_000_000


# --- cancel and delete ---------------------------------------------------------------------------


def test_cancelling_gives_back_what_was_not_spoken(signed_in: Client, account: Account):
    request = SpeechRequest(text="A" * 100, voice_id="espeak:en-US-eSpeak-Annie")
    submit_job(admission=make_admission(account), request=request)
    job = Job.objects.get()
    assert signed_in.post(f"/jobs/{job.pk}/cancel").status_code == 302
    job.refresh_from_db()
    assert (job.status, job.refunded_microcredits) == ("cancelled", 100_000)
    assert get_balance(account).available_microcredits == 100_000_000


def test_cancelling_what_has_finished_meanwhile_loses_nothing(signed_in: Client, account: Account):
    job = completed(account)
    response = signed_in.post(f"/jobs/{job.pk}/cancel", follow=True)
    assert "The job finished before it could be cancelled. Nothing was changed." in shown(response)
    job.refresh_from_db()
    assert (job.status, job.has_audio, job.text) == ("completed", True, "Hello there.")


def test_deleting_asks_first_and_then_takes_text_audio_and_picture(signed_in: Client, account: Account):
    job = completed(account, peaks=b"\x01\x02")
    assert "This cannot be undone." in shown(signed_in.get(f"/jobs/{job.pk}/delete"))
    assert Job.objects.get().text == "Hello there."
    assert signed_in.post(f"/jobs/{job.pk}/delete").status_code == 302
    erased = Job.objects.get()
    assert (erased.text, erased.audio_key, bytes(erased.peaks), erased.has_audio) == ("", "", b"", False)
    assert not store.audio_storage().exists(job.audio_key)
    page = signed_in.get(f"/jobs/{job.pk}").content.decode()
    assert "The audio and text were deleted." in page
    assert "Generate again" not in page


def test_what_runs_is_not_deleted(signed_in: Client, account: Account):
    job = make_job(account)
    assert signed_in.post(f"/jobs/{job.pk}/delete").status_code == 302
    job.refresh_from_db()
    assert (job.status, job.erased_at) == ("pending", None)


# --- who -----------------------------------------------------------------------------------------

ACTIONS = ("again", "cancel", "delete")


def test_a_viewer_sees_and_hears_but_has_no_buttons_and_is_refused(client: Client, account: Account, voices):
    job = completed(account)
    client.force_login(make_user("bob@acme.example", account, Role.VIEWER))
    page = client.get(f"/jobs/{job.pk}").content.decode()
    assert 'class="play"' in page
    for word in ("Generate again", "Edit in playground", "Delete", "Cancel"):
        assert word not in page
    for action in ACTIONS:
        assert client.post(f"/jobs/{job.pk}/{action}").status_code == 403
    unchanged = Job.objects.get()
    assert (unchanged.status, unchanged.has_audio) == ("completed", True)


def test_who_pays_the_bills_does_not_see_what_is_said(client: Client, account: Account):
    job = completed(account)
    client.force_login(make_user("bob@acme.example", account, Role.BILLING))
    for path in (f"/jobs/{job.pk}", f"/jobs/{job.pk}/sound"):
        assert client.get(path).status_code == 403


def test_another_accounts_job_is_like_one_that_never_was(signed_in: Client):
    theirs = completed(make_account("Globex"))
    for pk in (theirs.pk, uuid.uuid4()):
        assert signed_in.get(f"/jobs/{pk}").status_code == 404
        assert signed_in.get(f"/jobs/{pk}/sound").status_code == 404
        for action in ACTIONS:
            assert signed_in.post(f"/jobs/{pk}/{action}").status_code == 404
    theirs.refresh_from_db()
    assert theirs.has_audio


# --- the picture ---------------------------------------------------------------------------------


def test_peaks_do_not_depend_on_how_the_samples_come():
    pcm = b"".join((index * 7919 % 65536 - 32768).to_bytes(2, "little", signed=True) for index in range(20_000))
    whole, pieces = Peaks(22_050), Peaks(22_050)
    whole.feed(pcm)
    for start in range(0, len(pcm), 333):  # half samples, too
        pieces.feed(pcm[start : start + 333])
    assert whole.taken() == pieces.taken()


def test_an_hour_has_no_more_peaks_than_a_minute():
    peaks = Peaks(8_000)
    second = b"\x00\x40" * 8_000
    for _ in range(600):
        peaks.feed(second)
    taken = peaks.taken()
    assert MAX_PEAKS <= len(taken) <= 2 * MAX_PEAKS
    assert set(taken) == {0x4000 >> 7}


def test_silence_is_drawn_and_nothing_is_not():
    assert draw_wave(b"") is None
    wave = draw_wave(bytes(10))
    assert wave is not None
    assert wave.path.count("M") == 10
