"""Each action under /admin: its form, what is typed, the audit entry it leaves, and whether support may."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from allauth.mfa.models import Authenticator

from accounts.models import Account, ApiKey, Maintenance, Plan, User
from billing.models import OperatorAlert, Pack, Price
from tests.support.rows import audit_rows, credits_of, ledger_rows
from tts.models import Job
from voices.models import ModelAlias, Voice, VoiceAlias

CREDIT = 1_000_000
WHY = "The customer asked."


@dataclass
class World:
    """Acme and what is in it, of which an action changes something."""

    account: Account
    api_key: ApiKey
    completed: Job
    failed: Job
    gina: User
    alert: OperatorAlert


def state_of_everything() -> tuple[Any, ...]:
    """All that an action could change."""
    return (
        list(Account.objects.order_by("pk").values_list("pk", "plan_id", "suspended_at")),
        list(ApiKey.objects.order_by("pk").values_list("pk", "revoked_at")),
        list(Authenticator.objects.order_by("pk").values_list("user", "type")),
        list(Job.objects.order_by("pk").values_list("pk", "status", "refunded_microcredits")),
        list(Plan.objects.order_by("pk").values_list()),
        list(Price.objects.order_by("pk").values_list()),
        list(Pack.objects.order_by("pk").values_list()),
        list(OperatorAlert.objects.order_by("pk").values_list()),
        list(Voice.objects.order_by("pk").values_list("pk", "is_enabled")),
        list(ModelAlias.objects.order_by("pk").values_list()),
        list(VoiceAlias.objects.order_by("pk").values_list()),
        [(credits_of(account), ledger_rows(account)) for account in Account.objects.order_by("pk")],
        Maintenance.objects.exists(),
        audit_rows(),
    )


@dataclass(frozen=True)
class Case:
    """An action: its page, what is typed besides the reason, the audit entry, and whether support may."""

    url: Callable[[World], str]
    data: dict[str, Any]
    entry: Callable[[World], dict[str, Any]]
    support_may: bool


def account_case(code: str, action: str, before: Any, after: Any, *, support_may: bool, **data: Any) -> Case:
    return Case(
        url=lambda world: f"/admin/accounts/account/{world.account.pk}/do/{code}/",
        data=data,
        entry=lambda world: {
            "action": action,
            "target_type": "account",
            "target_id": str(world.account.pk),
            "account_id": world.account.pk,
            "before": before,
            "after": after,
        },
        support_may=support_may,
    )


ANNIE = "espeak:en-US-eSpeak-Annie"
LEE = "espeak:en-US-eSpeak-Lee"
ALLOY = ["kokoro:en-US-Kokoro-Heart", "kokoro:en-US-Kokoro-Alloy", "espeak:en-US-eSpeak-Auntie"]
PAYG = {
    "name": "Pay as you go", "generate_limit": 10, "read_limit": 1800, "allows_api": "on", "price": 0,
    "currency": "usd", "monthly_microcredits": 0,
}  # fmt: skip


def name_case(
    page: str, kind: str, row: str, code: str, action: str, before: Any, after: Any, *, target: str = "", **data: Any
) -> Case:
    return Case(
        url=lambda world: f"/admin/voices/{page}/{row}/do/{code}/",
        data=data,
        entry=lambda world: {
            "action": f"{kind}.{action}",
            "target_type": kind,
            "target_id": target or row,
            "account_id": None,
            "before": before,
            "after": after,
        },
        support_may=False,
    )


def smallest_pack() -> Pack:
    return Pack.objects.get(credits_microcredits=1_000 * CREDIT)


def pack_case(code: str, action: str, before: Any, after: Any, **data: Any) -> Case:
    """`copy` makes another row, which the audit entry names."""
    return Case(
        url=lambda world: f"/admin/billing/pack/{smallest_pack().pk}/do/{code}/",
        data=data,
        entry=lambda world: {
            "action": f"pack.{action}",
            "target_type": "pack",
            "target_id": str(Pack.objects.get(price=800).pk if code == "copy" else smallest_pack().pk),
            "account_id": None,
            "before": before,
            "after": after,
        },
        support_may=False,
    )


SMALLEST_PACK = {"credits": "1000", "price": 1_000, "currency": "usd", "stripe_price_id": ""}


def price_case(row: str, code: str, action: str, target: str, before: Any, after: Any, **data: Any) -> Case:
    return Case(
        url=lambda world: f"/admin/billing/price/{row}/do/{code}/",
        data=data,
        entry=lambda world: {
            "action": f"price.{action}",
            "target_type": "price",
            "target_id": target,
            "account_id": None,
            "before": before,
            "after": after,
        },
        support_may=False,
    )


CASES = {
    "edit a pack": pack_case("edit", "edited", {"price": 1_000}, {"price": 1_200}, **SMALLEST_PACK | {"price": 1_200}),
    "make another pack": pack_case(
        "copy", "created", {},
        {"credits_microcredits": 700 * CREDIT, "price": 800, "currency": "usd", "stripe_price_id": ""},
        **SMALLEST_PACK | {"credits": "700", "price": 800},
    ),
    "take a pack off sale": pack_case("disable", "disabled", {"enabled": True}, {"enabled": False}),
    "resolve an alert": Case(
        url=lambda world: f"/admin/billing/operatoralert/{world.alert.pk}/do/resolve/",
        data={},
        entry=lambda world: {
            "action": "alert.resolved",
            "target_type": "operatoralert",
            "target_id": str(world.alert.pk),
            "account_id": world.account.pk,
            "before": {"kind": "amount", "reference": "evt_1"},
            "after": {},
        },
        support_may=False,
    ),
    "give credits": account_case(
        "adjust-credits", "credits.adjusted", {"available": "98", "debt": "0"}, {"available": "100.5", "debt": "0"},
        credits="2.5", support_may=False,
    ),
    "take credits": account_case(
        "adjust-credits", "credits.adjusted", {"available": "98", "debt": "0"}, {"available": "0", "debt": "0"},
        credits="-98", support_may=False,
    ),
    "change plan": account_case(
        "change-plan", "account.plan_changed", {"plan": "enterprise"}, {"plan": "pro"}, plan="pro", support_may=False
    ),
    "suspend": account_case(
        "suspend", "account.suspended", {"suspended": False}, {"suspended": True}, support_may=True
    ),
    "revoke": Case(
        url=lambda world: f"/admin/accounts/apikey/{world.api_key.pk}/do/revoke/",
        data={},
        entry=lambda world: {
            "action": "key.revoked",
            "target_type": "api_key",
            "target_id": str(world.api_key.pk),
            "account_id": world.account.pk,
            "before": {"revoked": False},
            "after": {"revoked": True},
        },
        support_may=True,
    ),
    "take a second factor off": Case(
        url=lambda world: f"/admin/accounts/user/{world.gina.pk}/do/second-factor-off/",
        data={},
        entry=lambda world: {
            "action": "two_factor.taken_off",
            "target_type": "user",
            "target_id": str(world.gina.pk),
            "account_id": None,
            "before": {},
            "after": {},
        },
        support_may=False,
    ),
    "refund": Case(
        url=lambda world: f"/admin/tts/job/{world.completed.pk}/do/refund/",
        data={},
        entry=lambda world: {
            "action": "job.refunded",
            "target_type": "job",
            "target_id": str(world.completed.pk),
            "account_id": world.account.pk,
            "before": {"status": "completed", "refunded": "0"},
            "after": {"status": "completed", "refunded": "2"},
        },
        support_may=True,
    ),
    "retry": Case(
        url=lambda world: f"/admin/tts/job/{world.failed.pk}/do/retry/",
        data={},
        entry=lambda world: {
            "action": "job.retried",
            "target_type": "job",
            "target_id": str(world.failed.pk),
            "account_id": world.account.pk,
            "before": {"status": "failed"},
            "after": {"retry_job_id": str(Job.objects.get(retry_of=world.failed).pk), "charged": "1"},
        },
        support_may=True,
    ),
    "show text": Case(
        url=lambda world: f"/admin/tts/job/{world.completed.pk}/do/show-text/",
        data={},
        entry=lambda world: {
            "action": "job.text_read",
            "target_type": "job",
            "target_id": str(world.completed.pk),
            "account_id": world.account.pk,
            "before": {},
            "after": {},
        },
        support_may=False,
    ),
    "disable a voice": Case(
        url=lambda world: f"/admin/voices/voice/{Voice.objects.get(voice_id=ANNIE).pk}/do/disable/",
        data={},
        entry=lambda world: {
            "action": "voice.disabled",
            "target_type": "voice",
            "target_id": ANNIE,
            "account_id": None,
            "before": {"is_enabled": True},
            "after": {"is_enabled": False},
        },
        support_may=False,
    ),
    "edit a plan": Case(
        url=lambda world: "/admin/accounts/plan/payg/do/edit/",
        data=PAYG | {"generate_limit": 20, "allows_webhooks": "on"},
        entry=lambda world: {
            "action": "plan.edited",
            "target_type": "plan",
            "target_id": "payg",
            "account_id": None,
            "before": {"generate_limit": 10, "allows_webhooks": False},
            "after": {"generate_limit": 20, "allows_webhooks": True},
        },
        support_may=False,
    ),
    "change a price": price_case(
        "premium", "edit", "changed", "premium",
        {"microcredits_per_character": 1_000}, {"microcredits_per_character": 1_500}, microcredits_per_character=1_500,
    ),
    "set a price for a family": price_case(
        "premium", "copy", "added", "espeak:eSpeak",
        {}, {"microcredits_per_character": 100}, family="espeak:eSpeak", microcredits_per_character=100,
    ),
    "disable a family's price": price_case(
        "polly:Neural", "disable", "disabled", "polly:Neural", {"enabled": True}, {"enabled": False},
    ),
    "enable a family's price": price_case(
        "polly:Standard", "enable", "enabled", "polly:Standard", {"enabled": False}, {"enabled": True},
    ),
    "let a model speak with other voices": name_case(
        "modelalias", "model_alias", "tts-1-hd", "edit", "edited",
        {"model_type": "", "engine_model": ""}, {"model_type": "ultra", "engine_model": "gemini-2.5-pro-tts"},
        model_type="ultra", engine_model="gemini-2.5-pro-tts",
    ),
    "add a model's name": name_case(
        "modelalias", "model_alias", "tts-1", "copy", "added", {}, {"model_type": "", "engine_model": ""},
        target="tts-2", name="tts-2",
    ),
    "disable a model's name": name_case(
        "modelalias", "model_alias", "tts-1", "disable", "disabled", {"is_enabled": True}, {"is_enabled": False},
    ),
    "let a name stand for other voices": name_case(
        "voicealias", "voice_alias", "alloy", "edit", "edited", {"voice_ids": ALLOY}, {"voice_ids": [LEE, ANNIE]},
        voice_ids=f" {LEE}\r\n{ANNIE}\n\n{LEE}",
    ),
    "add a voice's name": name_case(
        "voicealias", "voice_alias", "alloy", "copy", "added", {}, {"voice_ids": ALLOY}, target="zinc", name="zinc",
    ),
    "disable a voice's name": name_case(
        "voicealias", "voice_alias", "alloy", "disable", "disabled", {"is_enabled": True}, {"is_enabled": False},
    ),
    "start maintenance": Case(
        url=lambda world: "/admin/maintenance/",
        data={"switch_to": "on"},
        entry=lambda world: {
            "action": "maintenance.started",
            "target_type": "maintenance",
            "target_id": "1",
            "account_id": None,
            "before": {"maintenance": False},
            "after": {"maintenance": True},
        },
        support_may=False,
    ),
}  # fmt: skip
