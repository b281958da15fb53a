"""Whether an account may create speech now: one gate, asked by every door in the same order."""

import html
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client, RequestFactory
from django.utils import timezone

from accounts import selectors
from accounts.admission import Admission, admit_key, admit_operator
from accounts.models import Account, ApiKey, AuditEntry, IdempotencyRecord, Maintenance, User
from accounts.services.account_deletion import ask_for_deletion
from accounts.services.audit import COMMAND_LINE, SYSTEM
from accounts.services.maintenance import start_maintenance
from accounts.services.operator_actions import suspend_account
from billing.models import KeyMonth, LedgerEntry, Price
from billing.selectors import get_balance
from billing.services.key_limits import set_key_limits
from tests.conftest import ApiClient
from tests.factories import make_job, make_key, make_user
from tts.models import Job, JobStatus
from tts.requests import SpeechRequest
from tts.services.lifecycle import claim_next_job, fail_job
from tts.services.submit import submit_job

ANNIE = "espeak:en-US-eSpeak-Annie"
CREDIT = 1_000_000
TEXT = "Good evening."
WHY = "The engine was broken."


@dataclass(frozen=True, slots=True)
class Doors:
    """Acme's key, its owner's browser, an operator's browser, and Acme's failed job of 13 characters at 1 credit."""

    account: Account
    key: ApiKey
    api: ApiClient
    member: Client
    operator: Client
    failed: Job


@pytest.fixture
def doors(account: Account, voices: None) -> Doors:
    key, secret = make_key(account)
    member, operator = Client(), Client()
    member.force_login(make_user("alice@acme.example", account))
    operator.force_login(User.objects.create_superuser("ada@staff.example", "correct horse battery staple"))
    failed = make_job(
        account, status=JobStatus.FAILED, text=TEXT, api_key=key, cost_microcredits=CREDIT,
        refunded_microcredits=CREDIT, finished_at=timezone.now(),
    )  # fmt: skip
    return Doors(account, key, ApiClient(secret), member, operator, failed)


def by_api(doors: Doors) -> Any:
    return doors.api.post("/api/v1/tts", {"text": TEXT, "voice_id": ANNIE})


def by_stream(doors: Doors) -> Any:
    return doors.api.post("/api/v1/tts/stream", {"text": TEXT, "voice_id": ANNIE})


def by_openai(doors: Doors) -> Any:
    """Answers 500 when it is let in: nobody speaks the job that it listens to."""
    return doors.api.post("/v1/audio/speech", {"model": "tts-1", "input": TEXT, "voice": ANNIE})


def by_playground(doors: Doors) -> Any:
    form = {
        "text": TEXT, "voice_id": ANNIE, "output_format": "mp3", "speed": "1", "format": "text",
        "sample_rate_hertz": "", "prompt": "", "token": str(uuid.uuid4()),
    }  # fmt: skip
    return doors.member.post("/playground", form)


def by_resubmit(doors: Doors) -> Any:
    return doors.member.post(f"/jobs/{doors.failed.pk}/again", {"token": str(uuid.uuid4())})


def by_retry(doors: Doors) -> Any:
    return doors.operator.post(f"/admin/tts/job/{doors.failed.pk}/do/retry/", {"reason": WHY})


Door = Callable[[Doors], Any]
CUSTOMER_DOORS = (by_api, by_stream, by_openai, by_playground, by_resubmit)
every_door = pytest.mark.parametrize("door", [*CUSTOMER_DOORS, by_retry])
every_customer_door = pytest.mark.parametrize("door", CUSTOMER_DOORS)


def words_of(response: Any) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", response.content.decode())).split())


def new_jobs(doors: Doors) -> int:
    return Job.objects.exclude(pk=doors.failed.pk).count()


def limit_to(doors: Doors, requests: int) -> None:
    Account.objects.filter(pk=doors.account.pk).update(generate_limit_override=requests)


def refused(doors: Doors, door: Door, message: str) -> Any:
    """The answer, after it was seen to say so, to make nothing and to cost nothing."""
    response = door(doors)
    assert message in words_of(response)
    assert new_jobs(doors) == 0
    assert get_balance(doors.account).available_microcredits == 100 * CREDIT
    assert not AuditEntry.objects.filter(action="job.retried").exists()
    return response


# --- who is refused, at every door ---------------------------------------------------------------


@every_door
def test_every_door_is_open(doors: Doors, door: Door):
    door(doors)
    assert new_jobs(doors) == 1
    assert LedgerEntry.objects.filter(kind="charge").count() == 1


@every_door
def test_nobody_creates_speech_during_maintenance(doors: Doors, door: Door):
    start_maintenance(actor=SYSTEM, reason="For a test.")
    refused(doors, door, "down for maintenance")


@every_door
def test_a_suspended_account_is_refused(doors: Doors, door: Door):
    suspend_account(account=doors.account, actor=SYSTEM, reason="For a test.")
    refused(doors, door, "account is suspended")


@every_door
def test_an_account_that_is_about_to_be_deleted_is_refused(doors: Doors, door: Door):
    ask_for_deletion(account=doors.account, actor=SYSTEM)
    refused(doors, door, "scheduled for deletion")


@every_door
def test_a_full_store_takes_nothing(doors: Doors, door: Door, settings):
    settings.MIN_FREE_BYTES = 10**18
    refused(doors, door, "nearly full")


@pytest.mark.parametrize("door", [by_api, by_stream, by_openai])
def test_a_plan_without_the_api_is_refused_there(doors: Doors, door: Door):
    Account.objects.filter(pk=doors.account.pk).update(plan="free")
    assert refused(doors, door, "does not include API access").status_code == 403


@pytest.mark.parametrize("door", [by_playground, by_resubmit, by_retry])
def test_a_plan_without_the_api_has_the_dashboard(doors: Doors, door: Door):
    Account.objects.filter(pk=doors.account.pk).update(plan="free")
    assert door(doors).status_code == 302
    assert new_jobs(doors) == 1


# --- the rate limit ------------------------------------------------------------------------------


@every_customer_door
def test_every_request_counts_once_and_the_one_past_the_limit_is_refused(doors: Doors, door: Door):
    limit_to(doors, 2)
    for _ in range(5):
        last = door(doors)
    assert new_jobs(doors) == 2
    assert "Rate limit exceeded: 2 requests per 15 minutes." in words_of(last)
    assert last.headers.get("Retry-After", "1").isdecimal()


@every_customer_door
def test_all_doors_share_one_count(doors: Doors, door: Door):
    limit_to(doors, len(CUSTOMER_DOORS))
    for first in CUSTOMER_DOORS:
        first(doors)
    door(doors)
    assert new_jobs(doors) == len(CUSTOMER_DOORS)


def test_a_repeat_of_a_form_counts_as_a_request_and_makes_no_second_job(doors: Doors):
    limit_to(doors, 2)
    form = {"token": str(uuid.uuid4())}
    first, second, third = (doors.member.post(f"/jobs/{doors.failed.pk}/again", form) for _ in range(3))
    assert first.headers["Location"] == second.headers["Location"]
    assert (third.status_code, new_jobs(doors)) == (429, 1)
    assert int(third.headers["Retry-After"]) > 0


def test_an_operators_retry_is_not_refused_by_the_customers_limit_but_counts(doors: Doors):
    limit_to(doors, 0)
    assert by_retry(doors).status_code == 302
    assert new_jobs(doors) == 1
    limit_to(doors, 2)
    assert by_api(doors).headers["X-RateLimit-Remaining"] == "0"
    assert by_api(doors).status_code == 429


def test_a_retry_that_makes_nothing_does_not_count(doors: Doors):
    limit_to(doors, 2)
    Job.objects.filter(pk=doors.failed.pk).update(status=JobStatus.COMPLETED)
    by_retry(doors)
    assert by_api(doors).headers["X-RateLimit-Remaining"] == "1"


# --- the order of the checks ---------------------------------------------------------------------


def test_each_refusal_comes_before_the_next(doors: Doors, settings):
    """Maintenance, suspension, rate limit, shape of the body, credits; for a page as for the API."""
    settings.MIN_FREE_BYTES = 10**18
    limit_to(doors, 0)
    suspend_account(account=doors.account, actor=SYSTEM, reason="For a test.")
    start_maintenance(actor=SYSTEM, reason="For a test.")
    broken = {"text": "", "voice_id": ANNIE, "output_format": "mp3", "token": str(uuid.uuid4())}

    def asked() -> list[str]:
        api = doors.api.post("/api/v1/tts", {"text": ""})
        openai = doors.api.post("/v1/audio/speech", {"model": "tts-1"})
        pages = [doors.member.post("/playground", broken), by_resubmit(doors)]
        return [words_of(response) for response in (api, openai, *pages)]

    assert all("down for maintenance" in text for text in asked())
    Maintenance.objects.all().delete()
    selectors._maintenance_seen = (float("-inf"), False)
    assert all("account is suspended" in text for text in asked())
    Account.objects.update(suspended_at=None)
    assert all("Rate limit exceeded: 0 requests" in text for text in asked())
    Account.objects.update(generate_limit_override=None)
    *shapes, resubmit = asked()
    assert ["required" in text or "blank" in text or "Enter" in text for text in shapes] == [True] * 3, shapes
    assert "nearly full" in resubmit


# --- what a retry keeps --------------------------------------------------------------------------


def test_a_retry_keeps_the_price_and_the_characters_of_the_failed_job(doors: Doors):
    Price.objects.update(microcredits_per_character=9_000_000)
    Job.objects.filter(pk=doors.failed.pk).update(chars_charged=7)
    assert by_retry(doors).status_code == 302
    retry = Job.objects.get(retry_of=doors.failed)
    assert (retry.cost_microcredits, retry.chars_charged, retry.text) == (CREDIT, 7, TEXT)
    assert get_balance(doors.account).available_microcredits == 99 * CREDIT


def test_a_retry_counts_against_the_key_whose_job_it_is(doors: Doors):
    assert by_retry(doors).status_code == 302
    assert Job.objects.get(retry_of=doors.failed).api_key == doors.key
    assert KeyMonth.objects.get(api_key=doors.key).spent_microcredits == CREDIT
    charge = LedgerEntry.objects.get(kind="charge")
    assert charge.actor.startswith("staff:")
    assert charge.key_id == doors.key.pk
    job = claim_next_job(queue="speech.espeak")
    assert job is not None and fail_job(job=job, message="It could not be said.")
    assert KeyMonth.objects.get(api_key=doors.key).spent_microcredits == 0


def test_a_retry_does_not_pass_the_cap_of_the_key(doors: Doors):
    set_key_limits(
        api_key=doors.key, monthly_cap_microcredits=CREDIT // 2, providers=[], voices=[], networks=[],
        actor=SYSTEM, reason="For a test.",
    )  # fmt: skip
    refused(doors, by_retry, "0.50 left of its 0.50 for this month")


def test_a_retry_of_a_job_whose_key_was_deleted_is_the_accounts(doors: Doors):
    Job.objects.filter(pk=doors.failed.pk).update(api_key=None)
    assert by_retry(doors).status_code == 302
    assert not KeyMonth.objects.exists()


# --- no way around the gate ----------------------------------------------------------------------


def test_nobody_but_the_gate_makes_an_admission(account: Account):
    with pytest.raises(TypeError, match=r"accounts\.admission"):
        Admission(object(), account=account, api_key=None, actor="user:1", bucket="generate")


def test_one_admission_makes_one_job(account: Account, voices: None):
    admission = admit_operator(account=account, api_key=None, actor=COMMAND_LINE)
    request = SpeechRequest(text=TEXT, voice_id=ANNIE)
    submit_job(admission=admission, request=request)
    with pytest.raises(RuntimeError, match="second job"):
        submit_job(admission=admission, request=request)
    assert Job.objects.count() == 1


def test_a_request_that_was_counted_as_a_read_makes_no_job(
    rf: RequestFactory, account: Account, key: tuple[ApiKey, str], voices: None
):
    admission = admit_key(rf.post("/api/v1/tts"), api_key=key[0], scope="speech:write", bucket="read")
    with pytest.raises(RuntimeError, match="counted as read"):
        submit_job(admission=admission, request=SpeechRequest(text=TEXT, voice_id=ANNIE))
    assert not Job.objects.exists()


def test_the_keys_of_forms_and_of_callers_never_meet(doors: Doors):
    """A caller cannot take a form's place by guessing its key: an Idempotency-Key has no spaces."""
    token = str(uuid.uuid4())
    doors.member.post(f"/jobs/{doors.failed.pk}/again", {"token": token})
    (remembered,) = IdempotencyRecord.objects.values_list("key", flat=True)
    assert token in remembered
    body = {"text": TEXT, "voice_id": ANNIE}
    response = doors.api.post("/api/v1/tts", body, headers={"Idempotency-Key": remembered})
    assert response.status_code == 400
