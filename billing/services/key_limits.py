"""Monthly spending of API keys, and changes to all limits of a key.

A month is a calendar month in UTC. A key's spending is counted even without a cap, in the transaction that charges the
balance. A refund reduces the month of the charge.
"""

import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import date
from ipaddress import ip_network
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Greatest

from accounts.models import ApiKey
from accounts.services import audit
from accounts.services.audit import Actor
from billing.errors import KeyCapReached
from billing.models import KeyMonth, LedgerEntry
from billing.money import format_credits
from billing.months import get_month, next_month
from config.errors import ValidationFailed

MAX_VOICES = 200
MAX_NETWORKS = 50
VOICE_ID = re.compile(r"[a-z0-9_]+:\S{1,150}")


def spend_with_key(*, api_key: ApiKey, month: date, cost_microcredits: int) -> None:
    """Counts spending. Call it in the transaction that charges the balance. Raises KeyCapReached.

    One conditional UPDATE decides, as for the balance: two jobs that race for the rest of a cap cannot both win.
    """
    assert transaction.get_connection().in_atomic_block
    cap = api_key.monthly_cap_microcredits
    row = KeyMonth.objects.filter(api_key=api_key, month=month)
    within = row if cap is None else row.filter(spent_microcredits__lte=cap - cost_microcredits)
    spent = F("spent_microcredits") + cost_microcredits
    if within.update(spent_microcredits=spent):
        return
    KeyMonth.objects.get_or_create(api_key=api_key, month=month)
    if not within.update(spent_microcredits=spent):
        assert cap is not None
        raise KeyCapReached(
            need_microcredits=cost_microcredits,
            left_microcredits=max(0, cap - row.get().spent_microcredits),
            cap_microcredits=cap,
            ends_on=next_month(month),
        )


def release_key_spend(*, job_id: uuid.UUID, amount_microcredits: int) -> None:
    """Reduces the key's spending by a job's refund. Does nothing if no key paid for the job."""
    charge = LedgerEntry.objects.filter(reference=f"charge:{job_id}", key_id__isnull=False).first()
    if charge is None:
        return
    KeyMonth.objects.filter(api_key=charge.key_id, month=get_month(charge.created_at)).update(
        spent_microcredits=Greatest(F("spent_microcredits") - amount_microcredits, 0)
    )


@transaction.atomic
def set_key_limits(
    *,
    api_key: ApiKey,
    monthly_cap_microcredits: int | None,
    providers: Sequence[str],
    voices: Sequence[str],
    networks: Sequence[str],
    actor: Actor,
    reason: str,
) -> None:
    """Sets the limits from the next request on. An empty list means no limit. Raises ValidationFailed by field."""
    checked = {
        "monthly_cap_microcredits": monthly_cap_microcredits,
        "allowed_providers": _checked_providers(providers),
        "allowed_voices": _checked_voices(voices),
        "allowed_networks": _checked_networks(networks),
    }
    if monthly_cap_microcredits is not None and monthly_cap_microcredits <= 0:
        raise ValidationFailed.of_field("monthly_cap", "The cap must be more than 0 credits. To stop a key, revoke it.")
    row = ApiKey.objects.select_for_update().get(pk=api_key.pk)
    before = {name: getattr(row, name) for name in checked}
    if checked == before:
        return
    ApiKey.objects.filter(pk=row.pk).update(**checked)
    audit.record(
        actor=actor,
        action="key.limited",
        reason=reason,
        target_type="api_key",
        target_id=row.pk,
        account=row.account,
        before=_as_data(before),
        after=_as_data(checked),
    )


def _as_data(limits: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the limits for the audit trail, with exact credits."""
    cap = limits["monthly_cap_microcredits"]
    rest = {name: value for name, value in limits.items() if name != "monthly_cap_microcredits"}
    return rest | {"monthly_cap": None if cap is None else format_credits(cap)}


def _checked_providers(providers: Sequence[str]) -> list[str]:
    unknown = [provider for provider in providers if provider not in settings.SPEECH_ENGINES]
    if unknown:
        raise ValidationFailed.of_field("providers", f"Unknown provider {unknown[0][:40]}.")
    return sorted(set(providers))


def _checked_voices(voices: Sequence[str]) -> list[str]:
    for voice_id in voices:
        if not VOICE_ID.fullmatch(voice_id):
            raise ValidationFailed.of_field("voices", f"“{voice_id[:60]}” is not a voice ID.")
    if len(set(voices)) > MAX_VOICES:
        raise ValidationFailed.of_field("voices", f"List at most {MAX_VOICES} voices, or allow an entire provider.")
    return sorted(set(voices))


def _checked_networks(networks: Sequence[str]) -> list[str]:
    try:
        found = {str(ip_network(network)) for network in networks}
    except ValueError:
        message = "Enter single addresses, or networks such as 203.0.113.0/24 or 2001:db8::/32."
        raise ValidationFailed.of_field("networks", message) from None
    if len(found) > MAX_NETWORKS:
        raise ValidationFailed.of_field("networks", f"List at most {MAX_NETWORKS} networks.")
    return sorted(found)
