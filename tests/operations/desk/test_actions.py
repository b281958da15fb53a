"""Each action under /admin, through its form: what it changes, its audit entry, what a refusal leaves alone."""

import re
import uuid
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client

from accounts.models import Account, AuditEntry, Maintenance, Role, User
from billing.models import OperatorAlert, Price
from billing.services.alerts import raise_alert
from billing.services.ledger import charge_job, refund_job
from tests.factories import make_job, make_key, make_user
from tests.operations.desk.action_cases import (
    ALLOY,
    ANNIE,
    CASES,
    CREDIT,
    PAYG,
    WHY,
    Case,
    World,
    state_of_everything,
)
from tests.support.rows import audit_rows, credits_of, ledger_rows, text_of
from tts.models import Job, JobStatus
from voices.models import Voice


@pytest.fixture
def world(account: Account, voices: None) -> World:
    """Acme with 98 credits, a key, a completed job that it paid 2 credits for, and a failed one, refunded; Gina, who
    has a second factor; and prices for two families of voices, one of them disabled.
    """
    Price.objects.create(code="polly:Neural", microcredits_per_character=2_000)
    Price.objects.create(code="polly:Standard", microcredits_per_character=500, is_enabled=False)
    completed = make_job(account, status=JobStatus.COMPLETED, cost_microcredits=2 * CREDIT, text="Paid for.")
    charge_job(account=account, job_id=completed.pk, cost_microcredits=2 * CREDIT, actor="test")
    failed = make_job(
        account, status=JobStatus.FAILED, cost_microcredits=CREDIT, refunded_microcredits=CREDIT,
        text="Say this again.", speed=1.5, output_format="mp3", bitrate_kbps=64, metadata={"order": 7},
    )  # fmt: skip
    gina = make_user("gina@acme.example", account, Role.VIEWER)
    Authenticator.objects.create(user=gina, type="totp", data={"secret": ""})
    raise_alert(kind="amount", reference="evt_1", message="Paid another amount.", account=account)
    return World(account, make_key(account)[0], completed, failed, gina, OperatorAlert.objects.get())


each_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


@each_case
def test_an_action_leaves_exactly_one_audit_entry(administrator: Client, ada: User, world: World, case: Case):
    url = case.url(world)
    page = administrator.get(url).content.decode()
    assert 'name="reason"' in page
    assert audit_rows() == []  # looking at the form does nothing
    response = administrator.post(url, case.data | {"reason": f"  {WHY} "})
    assert response.status_code in {200, 302}, text_of(response.content.decode())
    assert audit_rows() == [case.entry(world) | {"actor": f"staff:{ada.pk}", "reason": WHY}]
    assert AuditEntry.objects.latest("id").actor_user_id == ada.pk


@each_case
@pytest.mark.parametrize("reason", ["", "   ", "x" * 501], ids=["missing", "blank", "too long"])
def test_without_a_good_reason_nothing_changes(administrator: Client, world: World, case: Case, reason: str):
    before = state_of_everything()
    response = administrator.post(case.url(world), case.data | {"reason": reason})
    assert response.status_code == 200
    page = response.content.decode()
    assert "Enter a reason." in page or "at most 500 characters" in page
    assert "Paid for." not in page
    assert state_of_everything() == before


@each_case
def test_support_may_what_the_table_says_and_no_more(support: Client, world: World, case: Case):
    before = state_of_everything()
    url = case.url(world)
    if case.support_may:
        assert support.get(url).status_code == 200
        assert support.post(url, case.data | {"reason": WHY}).status_code == 302
        assert len(audit_rows()) == 1
    else:
        assert support.get(url).status_code == 403
        response = support.post(url, case.data | {"reason": WHY})
        assert response.status_code == 403
        assert "Paid for." not in response.content.decode()
        assert state_of_everything() == before


@each_case
@pytest.mark.parametrize("who", ["customer", "anonymous"])
def test_nobody_else_may_anything(client: Client, alice: User, world: World, case: Case, who: str):
    if who == "customer":
        client.force_login(alice)
    before = state_of_everything()
    url = case.url(world)
    for response in (client.get(url), client.post(url, case.data | {"reason": WHY})):
        assert (response.status_code, response.headers["Location"].partition("?")[0]) == (302, "/admin/login/")
    assert state_of_everything() == before


@each_case
def test_a_form_from_elsewhere_is_refused(ada: User, world: World, case: Case):
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada)
    before = state_of_everything()
    assert client.post(case.url(world), case.data | {"reason": WHY}).status_code == 403
    assert state_of_everything() == before


# --- credits -------------------------------------------------------------------------------------


def adjust(client: Client, account: Account, credits: str, **data: Any) -> Any:
    return client.post(
        f"/admin/accounts/account/{account.pk}/do/adjust-credits/", {"credits": credits, "reason": WHY} | data
    )


def test_credits_given_and_taken_are_ledger_entries_with_who_and_why(
    administrator: Client, ada: User, account: Account
):
    adjust(administrator, account, "2.5")
    adjust(administrator, account, "-100")
    assert credits_of(account) == (2_500_000, 0)
    assert ledger_rows(account)[1:] == [
        ("adjustment", 2_500_000, 102_500_000, f"staff:{ada.pk}", WHY),
        ("adjustment", -100_000_000, 2_500_000, f"staff:{ada.pk}", WHY),
    ]


def test_more_than_there_is_cannot_be_taken_and_makes_no_debt(administrator: Client, account: Account):
    before = state_of_everything()
    response = adjust(administrator, account, "-100.000001")
    assert response.status_code == 409
    page = response.content.decode()
    assert "100.000001 credits cannot be deducted: the account has 100." in page
    assert "-100.000001" in page  # what was typed is still there
    assert WHY in page
    assert state_of_everything() == before


@pytest.mark.parametrize("credits", ["0", "", "many", "1e999", "NaN", "0.0000001", "2000000000"])
def test_an_amount_that_is_none_changes_nothing(administrator: Client, account: Account, credits: str):
    before = state_of_everything()
    assert adjust(administrator, account, credits).status_code == 200
    assert state_of_everything() == before


def test_the_same_form_sent_twice_counts_once(administrator: Client, account: Account):
    page = administrator.get(f"/admin/accounts/account/{account.pk}/do/adjust-credits/").content.decode()
    form_id = re.search(r'name="form_id" value="([0-9a-f-]{36})"', page)
    assert form_id is not None
    assert adjust(administrator, account, "5", form_id=form_id[1]).status_code == 302
    response = adjust(administrator, account, "5", form_id=form_id[1])
    assert response.status_code == 409
    assert "This has already been done." in response.content.decode()
    assert credits_of(account) == (105 * CREDIT, 0)
    assert len(audit_rows()) == 1


# --- accounts, keys, plans, prices, voices, maintenance -------------------------------------------


def test_a_suspended_account_is_refused_by_the_api_until_it_is_reinstated(administrator: Client, api, account: Account):
    url = f"/admin/accounts/account/{account.pk}/do/"
    administrator.post(f"{url}suspend/", {"reason": WHY})
    assert api.get("/api/v1/tts").status_code == 403
    response = administrator.post(f"{url}suspend/", {"reason": WHY})
    assert response.status_code == 409
    assert "already suspended" in response.content.decode()
    administrator.post(f"{url}reinstate/", {"reason": "Paid."})
    assert api.get("/api/v1/tts").status_code == 200
    assert [(row["action"], row["reason"]) for row in audit_rows()] == [
        ("account.suspended", WHY),
        ("account.reinstated", "Paid."),
    ]


def test_a_revoked_key_is_refused_and_cannot_be_revoked_again(administrator: Client, api, key):
    url = f"/admin/accounts/apikey/{key[0].pk}/do/revoke/"
    assert api.get("/api/v1/tts").status_code == 200
    assert administrator.post(url, {"reason": WHY}).status_code == 302
    assert api.get("/api/v1/tts").status_code == 401
    assert administrator.post(url, {"reason": WHY}).status_code == 409
    assert len(audit_rows()) == 1


def test_a_changed_plan_holds_for_the_next_request(administrator: Client, api, account: Account):
    administrator.post(f"/admin/accounts/account/{account.pk}/do/change-plan/", {"plan": "pro", "reason": WHY})
    assert api.get("/api/v1/tts").headers["X-RateLimit-Limit"] == "12000"


def test_the_plan_it_is_on_is_no_change(administrator: Client, account: Account):
    url = f"/admin/accounts/account/{account.pk}/do/change-plan/"
    assert administrator.post(url, {"plan": "enterprise", "reason": WHY}).status_code == 409
    assert administrator.post(url, {"plan": "platinum", "reason": WHY}).status_code == 200
    assert audit_rows() == []


@pytest.mark.parametrize(
    ("url", "data"),
    [
        ("/admin/accounts/plan/payg/do/edit/", PAYG),
        ("/admin/billing/price/premium/do/edit/", {"microcredits_per_character": 1000}),
    ],
)
def test_an_edit_that_changes_nothing_leaves_no_entry(administrator: Client, url: str, data: dict[str, Any]):
    assert administrator.post(url, data | {"reason": WHY}).status_code == 409
    assert audit_rows() == []


def test_a_disabled_voice_is_refused_by_the_api_and_enabled_again(administrator: Client, api, voices):
    url = f"/admin/voices/voice/{Voice.objects.get(voice_id=ANNIE).pk}/do/"
    request = {"text": "Hello.", "voice_id": ANNIE}
    administrator.post(f"{url}disable/", {"reason": WHY})
    assert api.post("/api/v1/tts", request).json()["error"]["code"] == "INVALID_VOICE"
    administrator.post(f"{url}enable/", {"reason": WHY})
    assert api.post("/api/v1/tts", request).status_code == 202
    assert [row["action"] for row in audit_rows()] == ["voice.disabled", "voice.enabled"]


@pytest.mark.parametrize(
    ("url", "data", "status", "message"),
    [
        ("voicealias/alloy/do/copy/", {"name": "nova"}, 409, "nova already exists."),
        ("voicealias/alloy/do/copy/", {"name": "a:b"}, 200, "Enter a valid value."),
        ("voicealias/alloy/do/copy/", {"name": ""}, 200, "This field is required."),
        ("voicealias/alloy/do/edit/", {"voice_ids": "\n".join(ALLOY)}, 409, "Nothing was changed."),
        ("voicealias/alloy/do/edit/", {"voice_ids": "nova"}, 200, "Not a voice ID: nova"),
        ("voicealias/alloy/do/edit/", {"voice_ids": " \n"}, 200, "This field is required."),
        ("modelalias/tts-1/do/edit/", {"model_type": "basic"}, 200, "Select a valid choice."),
        ("modelalias/tts-1/do/enable/", {}, 409, "The name is already enabled."),
    ],
)
def test_what_makes_no_sense_as_a_name_changes_nothing(
    administrator: Client, url: str, data: dict[str, Any], status: int, message: str
):
    before = state_of_everything()
    response = administrator.post(f"/admin/voices/{url}", data | {"reason": WHY})
    assert response.status_code == status
    assert message in text_of(response.content.decode())
    assert state_of_everything() == before


def test_maintenance_is_switched_on_and_off_and_a_stale_form_does_not_do_the_opposite(administrator: Client):
    page = administrator.get("/admin/maintenance/").content.decode()
    assert 'name="switch_to" value="on"' in page
    for _ in range(2):  # the second is a page that was open for long
        administrator.post("/admin/maintenance/", {"switch_to": "on", "reason": WHY})
        assert Maintenance.objects.exists()
    assert "The API has been down for maintenance" in administrator.get("/admin/").content.decode()
    assert 'name="switch_to" value="off"' in administrator.get("/admin/maintenance/").content.decode()
    administrator.post("/admin/maintenance/", {"switch_to": "off", "reason": "Done."})
    assert not Maintenance.objects.exists()
    assert [row["action"] for row in audit_rows()] == ["maintenance.started", "maintenance.ended"]


# --- jobs ----------------------------------------------------------------------------------------


def test_a_completed_job_is_refunded_in_full_once_and_keeps_its_audio(administrator: Client, ada: User, world: World):
    url = f"/admin/tts/job/{world.completed.pk}/do/refund/"
    assert administrator.post(url, {"reason": WHY}).status_code == 302
    response = administrator.post(url, {"reason": WHY})
    assert response.status_code == 409
    assert "All 2 credits of the job have already been refunded." in text_of(response.content.decode())
    assert credits_of(world.account) == (100 * CREDIT, 0)
    assert ledger_rows(world.account)[-1] == ("operator_refund", 2 * CREDIT, 100 * CREDIT, f"staff:{ada.pk}", WHY)
    world.completed.refresh_from_db()
    assert (world.completed.status, world.completed.refunded_microcredits) == ("completed", 2 * CREDIT)
    assert len(audit_rows()) == 1


@pytest.mark.parametrize(
    ("status", "cost", "refunded", "message"),
    [
        ("pending", CREDIT, 0, "The job is pending. Only a finished job can be refunded."),
        ("processing", CREDIT, 0, "The job is processing. Only a finished job can be refunded."),
        ("completed", 0, 0, "The job was not charged."),
        ("failed", CREDIT, CREDIT, "All 1 credits of the job have already been refunded."),
    ],
)
def test_what_cannot_be_refunded_says_why(
    administrator: Client, account: Account, status: JobStatus, cost: int, refunded: int, message: str
):
    job = make_job(account, status=status, cost_microcredits=cost, refunded_microcredits=refunded)
    before = state_of_everything()
    response = administrator.post(f"/admin/tts/job/{job.pk}/do/refund/", {"reason": WHY})
    assert response.status_code == 409
    assert message in text_of(response.content.decode())
    assert state_of_everything() == before


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_an_operator_refunds_the_rest_of_what_was_refunded_in_part(
    administrator: Client, ada: User, account: Account, status: JobStatus
):
    job = make_job(account, status=status, cost_microcredits=CREDIT, refunded_microcredits=CREDIT // 4)
    charge_job(account=account, job_id=job.pk, cost_microcredits=CREDIT, actor="test")
    refund_job(account=account, job_id=job.pk, amount_microcredits=CREDIT // 4, actor="system", note="")
    url = f"/admin/tts/job/{job.pk}/do/refund/"
    response = administrator.post(url, {"reason": WHY}, follow=True)
    assert "0.75 credits were refunded." in response.content.decode()
    assert administrator.post(url, {"reason": WHY}).status_code == 409
    assert ledger_rows(account)[-1] == ("operator_refund", CREDIT * 3 // 4, 100 * CREDIT, f"staff:{ada.pk}", WHY)
    assert credits_of(account) == (100 * CREDIT, 0)
    job.refresh_from_db()
    assert (job.status, job.refunded_microcredits) == (status, CREDIT)
    [audited] = audit_rows()
    assert (audited["before"]["refunded"], audited["after"]["refunded"]) == ("0.25", "1")


def test_a_retry_is_a_new_job_that_asks_the_same_and_is_charged_the_same(
    administrator: Client, ada: User, world: World
):
    response = administrator.post(f"/admin/tts/job/{world.failed.pk}/do/retry/", {"reason": WHY}, follow=True)
    retry = Job.objects.get(retry_of=world.failed)
    assert f"/admin/tts/job/{retry.pk}/change/" in response.content.decode()
    for field in (
        "account_id",
        "voice_id",
        "text",
        "speed",
        "output_format",
        "bitrate_kbps",
        "metadata",
        "chars_charged",
    ):
        assert getattr(retry, field) == getattr(world.failed, field), field
    assert (retry.status, retry.attempt, retry.queue) == ("pending", 0, "speech.espeak")
    assert retry.cost_microcredits == CREDIT
    assert credits_of(world.account) == (97 * CREDIT, 0)
    assert ledger_rows(world.account)[-1] == ("charge", -CREDIT, 97 * CREDIT, f"staff:{ada.pk}", "")
    world.failed.refresh_from_db()
    assert (world.failed.status, world.failed.refunded_microcredits) == ("failed", CREDIT)


def test_a_failed_job_is_retried_once(administrator: Client, world: World):
    url = f"/admin/tts/job/{world.failed.pk}/do/retry/"
    administrator.post(url, {"reason": WHY})
    before = state_of_everything()
    response = administrator.post(url, {"reason": WHY})
    assert response.status_code == 409
    assert "The job has already been retried." in response.content.decode()
    assert state_of_everything() == before


def test_a_retry_that_cannot_be_paid_is_refused(administrator: Client, world: World):
    adjust(administrator, world.account, "-97.5")
    before = state_of_everything()
    response = administrator.post(f"/admin/tts/job/{world.failed.pk}/do/retry/", {"reason": WHY})
    assert response.status_code == 409
    assert "Need 1.00 credits, have 0.50" in response.content.decode()
    assert state_of_everything() == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: Job.objects.filter(pk=w.failed.pk).update(status="completed"), "Only a failed job can be retried."),
        (lambda w: Job.objects.filter(pk=w.failed.pk).update(erased_at="2026-01-08T10:00Z", text=""), "was deleted"),
        (lambda w: Account.objects.update(suspended_at="2026-01-08T10:00Z"), "The account is suspended."),
        (lambda w: Voice.objects.filter(voice_id=ANNIE).update(is_enabled=False), f"The voice {ANNIE} is disabled."),
    ],
    ids=["not failed", "erased", "suspended", "voice disabled"],
)
def test_what_cannot_be_retried_says_why(administrator: Client, world: World, change, message: str):
    change(world)
    before = state_of_everything()
    response = administrator.post(f"/admin/tts/job/{world.failed.pk}/do/retry/", {"reason": WHY})
    assert response.status_code == 409
    assert message in text_of(response.content.decode())
    assert state_of_everything() == before


def test_a_text_is_shown_to_an_administrator_who_says_why_and_nowhere_else(administrator: Client, world: World):
    job = world.completed
    for url in ("/admin/tts/job/", f"/admin/tts/job/{job.pk}/change/", f"/admin/tts/job/{job.pk}/do/show-text/"):
        assert "Paid for." not in administrator.get(url).content.decode()
    response = administrator.post(f"/admin/tts/job/{job.pk}/do/show-text/", {"reason": WHY})
    assert "Paid for." in response.content.decode()
    assert "no-store" in response.headers["Cache-Control"]
    assert "Paid for." not in str(audit_rows())
    assert (
        "Paid for."
        not in administrator.get(
            f"/admin/accounts/auditentry/{AuditEntry.objects.latest('id').pk}/change/"
        ).content.decode()
    )


def test_an_unknown_action_or_row_is_not_found(administrator: Client, account: Account):
    for url in (
        f"/admin/accounts/account/{account.pk}/do/explode/",
        f"/admin/accounts/account/{uuid.uuid4()}/do/suspend/",
        "/admin/accounts/account/nonsense/do/suspend/",
    ):
        assert administrator.post(url, {"reason": WHY}).status_code == 404
    assert audit_rows() == []
