"""The operator's commands: what they do, what they print for people and for programs, what they refuse."""

import json
import re
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command

from accounts.models import Account, ApiKey, AuditEntry, Maintenance, User
from accounts.selectors import is_in_maintenance
from billing.models import Balance, LedgerEntry
from speech.engines.espeak.voices import voice_entries
from tests.conftest import ApiClient
from tests.factories import make_account, make_job, make_key, make_user
from tests.support.envelopes import ANNIE, data_of, error_of
from tts.models import Job, JobStatus
from voices.models import Voice

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def run_json(*arguments: str) -> Any:
    output = run(*arguments, "--json")
    assert output.count("\n") == 1
    return json.loads(output)


def refused(*arguments: str, match: str) -> None:
    """Ends with one sentence, and nothing is there that was not there before."""

    def everything() -> list[int]:
        return [model.objects.count() for model in (User, Account, ApiKey, LedgerEntry)]

    before = everything()
    out = StringIO()
    with pytest.raises(CommandError, match=match):
        call_command(*arguments, stdout=out)
    assert (everything(), out.getvalue()) == (before, "")


# --- create_account ------------------------------------------------------------------------------


def test_create_account_makes_what_can_be_used_at_once(voices):
    values = run_json("create_account", "alice@acme.example", "--plan", "pro", "--credits", "2.5", "--key")
    assert list(values) == ["account_id", "email", "password", "plan", "credits", "api_key"]
    assert (values["email"], values["plan"], values["credits"]) == ("alice@acme.example", "pro", "2.5")
    assert User.objects.get().check_password(values["password"])
    assert len(values["password"]) >= 16
    account = Account.objects.get(pk=values["account_id"])
    assert Balance.objects.get(account=account).available_microcredits == 2_500_000
    entry = LedgerEntry.objects.get()
    assert (entry.kind, entry.actor, entry.note) == ("grant", "operator", "Granted with the account.")
    api = ApiClient(values["api_key"])
    assert data_of(api.post("/api/v1/tts", {"text": "Hello.", "voice_id": ANNIE}), 202)["credits_charged"] == "0.006"


def test_create_account_alone_makes_a_free_account_without_credits_or_key():
    values = run_json("create_account", "alice@acme.example")
    assert (values["plan"], values["credits"], values["api_key"]) == ("free", "0", None)
    assert (ApiKey.objects.count(), LedgerEntry.objects.count()) == (0, 0)


def test_create_account_prints_lines_for_people():
    output = run("create_account", "alice@acme.example", "--credits", "1,000")
    assert re.fullmatch(
        r"account id  [0-9a-f-]{36}\nemail       alice@acme\.example\npassword    \S+\nplan        free\n"
        r"credits     1000\napi key     \n",
        output,
    )


@pytest.mark.parametrize(
    "arguments, match",
    [
        (["nonsense"], "Enter a valid email address"),
        ([""], "Enter a valid email address"),
        (["a@b"], "Enter a valid email address"),
        (["bob@acme.example", "--plan", "gold"], "There is no plan 'gold'; there are free, payg, pro, enterprise"),
        (["bob@acme.example", "--credits", "many"], "'many' is not a number of credits"),
        (["bob@acme.example", "--credits", "NaN"], "is not a number of credits"),
        (["bob@acme.example", "--credits", "1e999999999"], "is not a number of credits"),
        (["bob@acme.example", "--credits", "1,5"], "is not a number of credits"),
        (["bob@acme.example", "--credits", "0.0000001"], "six decimals at most"),
        (["bob@acme.example", "--credits", "99999999999999"], "is more than 1,000,000,000 credits"),
        (["bob@acme.example", "--credits=-1"], "cannot be less than 0"),
        (["alice@acme.example"], "alice@acme.example already has an account"),
        (["ALICE@acme.example", "--key", "--credits", "5"], "already has an account"),
    ],
    ids=str,
)
def test_create_account_refuses_and_leaves_nothing(arguments: list[str], match: str):
    run("create_account", "alice@acme.example")
    refused("create_account", *arguments, match=match)


# --- keys ----------------------------------------------------------------------------------------


def test_issue_key_makes_a_key_that_works(account: Account):
    values = run_json("issue_key", str(account.pk), "--name", "Museum guide")
    assert values == {
        "key_id": str(ApiKey.objects.get().pk),
        "account_id": str(account.pk),
        "name": "Museum guide",
        "scopes": ["speech:write", "speech:read"],
        "expires_at": None,
        "api_key": values["api_key"],
    }
    data_of(ApiClient(values["api_key"]).get("/api/v1/tts"))
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.action, entry.reason) == ("operator", "key.made", "Created from the command line.")
    assert (entry.target_id, entry.account) == (values["key_id"], account)


def test_issue_key_takes_scopes_a_time_and_the_owners_email(account: Account):
    make_user("alice@acme.example", account)
    with time_machine.travel(datetime(2026, 1, 8, 12, tzinfo=UTC), tick=False):
        values = run_json("issue_key", "Alice@acme.example", "--scope", "speech:read", "--days", "30")
    assert (values["scopes"], values["expires_at"]) == (["speech:read"], "2026-02-07T12:00:00.000Z")


def test_issue_key_prints_the_key_for_people(account: Account):
    assert re.search(r"^api key     tts_[0-9A-Za-z]{36}$", run("issue_key", str(account.pk)), re.MULTILINE)


@pytest.mark.parametrize(
    "arguments, match",
    [
        (["nobody@acme.example"], "No account, or more than one, matches nobody@acme.example"),
        (["00000000-0000-4000-8000-000000000000"], "No account, or more than one"),
        (["Acme"], "No account, or more than one"),
        (["{account}", "--days", "0"], "between 1 and 3650"),
        (["{account}", "--days=-1"], "between 1 and 3650"),
        (["{account}", "--days", "3651"], "between 1 and 3650"),
        (["{account}", "--days", "ten"], "invalid int value"),
        (["{account}", "--scope", "speech:admin"], "invalid choice"),
    ],
    ids=str,
)
def test_issue_key_refuses_and_makes_none(account: Account, arguments: list[str], match: str):
    refused("issue_key", *(argument.format(account=account.pk) for argument in arguments), match=match)


@pytest.mark.parametrize("known_by", ["id", "whole key", "prefix"])
def test_revoke_key_ends_a_key_at_once(account: Account, known_by: str):
    row, secret = make_key(account, name="Museum guide")
    other = make_key(account)[1]
    name = {"id": str(row.pk), "whole key": secret, "prefix": row.prefix}[known_by]
    expected = {
        "key_id": str(row.pk),
        "account_id": str(account.pk),
        "name": "Museum guide",
        "revoked": True,
        "was_revoked_before": False,
    }
    assert run_json("revoke_key", name) == expected
    error_of(ApiClient(secret).get("/api/v1/tts"), 401, "UNAUTHORIZED")
    data_of(ApiClient(other).get("/api/v1/tts"))
    revoked_at = ApiKey.objects.get(pk=row.pk).revoked_at
    assert run_json("revoke_key", name) == expected | {"was_revoked_before": True}
    assert ApiKey.objects.get(pk=row.pk).revoked_at == revoked_at


def test_revoke_key_prints_lines_for_people_and_never_the_key(account: Account):
    _, secret = make_key(account)
    output = run("revoke_key", secret)
    assert "was revoked before  False" in output
    assert secret not in output


def test_revoke_key_refuses_what_names_no_key_or_several(account: Account):
    one, other = make_key(account)[0], make_key(account)[0]
    ApiKey.objects.update(prefix="tts_same")
    for name in ("tts_none", "", "00000000-0000-4000-8000-000000000000", "tts_" + "0" * 36):
        refused("revoke_key", name, match="No key matches")
    refused("revoke_key", "tts_same", match="More than one key matches")
    assert not ApiKey.objects.filter(pk__in=[one.pk, other.pk], revoked_at__isnull=False).exists()


# --- credits -------------------------------------------------------------------------------------


def test_grant_credits_adds_them_with_a_note(account: Account):
    values = run_json("grant_credits", str(account.pk), "2.5", "--note", "For the outage.")
    assert values == {"account_id": str(account.pk), "granted": "2.5", "available": "102.5", "debt": "0"}
    entry = LedgerEntry.objects.get(note="For the outage.")
    assert (entry.kind, entry.amount_microcredits, entry.actor) == ("grant", 2_500_000, "operator")


def test_grant_credits_pays_a_debt_first(account: Account):
    Balance.objects.update(available_microcredits=0, debt_microcredits=4_000_000)
    values = run_json("grant_credits", str(account.pk), "2.5", "--note", "x")
    assert (values["available"], values["debt"]) == ("0", "1.5")


def test_grant_credits_prints_lines_for_people(account: Account):
    output = run("grant_credits", str(account.pk), "1", "--note", "x")
    assert output == f"account id  {account.pk}\ngranted     1\navailable   101\ndebt        0\n"


@pytest.mark.parametrize(
    "arguments, match",
    [
        (["{account}", "0", "--note", "x"], "must be more than 0"),
        (["{account}", "--note", "x", "--", "-5"], "must be more than 0"),
        (["{account}", "ten", "--note", "x"], "'ten' is not a number"),
        (["{account}", "Infinity", "--note", "x"], "is not a number"),
        (["{account}", "2000000000", "--note", "x"], "is more than 1,000,000,000"),
        (["{account}", "5"], "arguments are required: --note"),
        (["nobody@acme.example", "5", "--note", "x"], "No account, or more than one"),
    ],
    ids=str,
)
def test_grant_credits_refuses_and_gives_nothing(account: Account, arguments: list[str], match: str):
    refused("grant_credits", *(argument.format(account=account.pk) for argument in arguments), match=match)
    assert Balance.objects.get(account=account).available_microcredits == 100_000_000


# --- engines, maintenance, sweeping --------------------------------------------------------------


def test_engines_says_what_speaks_here_and_refreshes_the_catalogue():
    engines = {engine["engine"]: engine for engine in run_json("engines")["engines"]}
    espeak, kokoro = engines["espeak"], engines["kokoro"]
    assert (espeak["available"], espeak["reason"], espeak["queue"]) == (True, None, "speech.espeak")
    assert (kokoro["available"], kokoro["queue"]) == (False, "speech.kokoro")
    assert kokoro["reason"] == "the model is not installed: model.onnx is missing; run `make kokoro`"
    assert Voice.objects.filter(unavailable_reason="").count() == len(voice_entries())
    assert re.search(r"^engine\s+espeak$", run("engines"), re.MULTILINE)


def test_engines_says_why_one_cannot_speak_here():
    engine = next(about for about in run_json("engines")["engines"] if about["engine"] == "google")
    assert engine == {
        "engine": "google",
        "available": False,
        "reason": "GOOGLE_APPLICATION_CREDENTIALS is not set",
        "queue": "speech.remote",
    }


def test_maintenance_goes_on_and_off_and_twice_is_no_error():
    for _ in range(2):
        assert run_json("maintenance", "on") == {"maintenance": "on"}
    assert Maintenance.objects.count() == 1
    assert is_in_maintenance()
    for _ in range(2):
        assert run("maintenance", "off") == "maintenance  off\n"
    assert Maintenance.objects.count() == 0


def test_maintenance_is_on_or_off():
    refused("maintenance", "perhaps", match="invalid choice")
    refused("maintenance", match="arguments are required: state")


def test_sweep_jobs_gives_back_what_a_dead_worker_held(account: Account):
    job = make_job(
        account, status=JobStatus.PROCESSING, attempt=1, lease_expires_at=datetime(2026, 1, 8, 12, tzinfo=UTC)
    )
    values = run_json("sweep_jobs")
    assert values == {
        "reclaimed_jobs": 1, "stranded_jobs": 0, "woken_queues": 1, "erased_jobs": 0, "forgotten_requests": 0,
        "forgotten_counters": 0, "removed_spool_files": 0, "forgotten_auditions": 0, "unserved_jobs": 0,
    }  # fmt: skip
    assert Job.objects.get(pk=job.pk).status == JobStatus.PENDING
    assert run("sweep_jobs").startswith("reclaimed jobs       0\n")


def test_check_ledger_reports_nothing_about_an_empty_ledger():
    assert run("check_ledger") == "0 accounts checked.\n"
    make_account("Acme")
    assert run_json("check_ledger") == {"accounts": 1, "mismatches": [], "over_refunded_jobs": []}
