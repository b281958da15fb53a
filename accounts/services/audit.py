"""Writes the audit trail: who did what, when, why, and what changed, in the transaction of the change."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from django.db import connection

from accounts.models import Account, AuditEntry, Membership, User
from config.errors import ValidationFailed

MAX_REASON_CHARS = 500


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a staff member, a customer, a user of the command line, or the service itself.

    Stored entries name users by ID.
    """

    kind: Literal["staff", "user", "operator", "system"]
    user_id: uuid.UUID | None = None

    @classmethod
    def of(cls, user: User) -> "Actor":
        """Returns the actor for a staff member."""
        return cls("staff", user.pk)

    @classmethod
    def of_member(cls, membership: Membership) -> "Actor":
        """Returns the actor for a customer."""
        return cls("user", membership.user_id)

    def __str__(self) -> str:
        return f"{self.kind}:{self.user_id}" if self.user_id else self.kind


COMMAND_LINE = Actor("operator")
SYSTEM = Actor("system")


def checked_reason(reason: str) -> str:
    """Returns the reason, trimmed. Raises ValidationFailed if it is blank or too long."""
    trimmed = reason.strip()
    if not trimmed:
        raise ValidationFailed.of_field("reason", "Enter a reason. It is stored in the audit trail.")
    if len(trimmed) > MAX_REASON_CHARS:
        raise ValidationFailed.of_field("reason", f"Use at most {MAX_REASON_CHARS} characters.")
    return trimmed


def record(
    *,
    actor: Actor,
    action: str,
    reason: str,
    target_type: str,
    target_id: object,
    account: Account | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> AuditEntry:
    """Writes an entry. Call it in the transaction of the change. Raises ValidationFailed without a reason."""
    assert connection.in_atomic_block
    return AuditEntry.objects.create(
        actor=str(actor),
        actor_user_id=actor.user_id,
        action=action,
        reason=checked_reason(reason),
        target_type=target_type,
        target_id=str(target_id),
        account=account,
        before=dict(before or {}),
        after=dict(after or {}),
    )
