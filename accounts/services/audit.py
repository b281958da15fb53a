"""The audit trail: who did what, when, why, and what changed. Written in the transaction of what it tells."""

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
    """Who acts: a person on the staff, a customer, whoever has the command line, or the service itself.

    People are named by id in what is kept.
    """

    kind: Literal["staff", "user", "operator", "system"]
    user_id: uuid.UUID | None = None

    @classmethod
    def of(cls, user: User) -> "Actor":
        """Somebody on the staff, at work."""
        return cls("staff", user.pk)

    @classmethod
    def of_member(cls, membership: Membership) -> "Actor":
        """A customer."""
        return cls("user", membership.user_id)

    def __str__(self) -> str:
        return f"{self.kind}:{self.user_id}" if self.user_id else self.kind


COMMAND_LINE = Actor("operator")
SYSTEM = Actor("system")


def checked_reason(reason: str) -> str:
    """The reason, trimmed. Raises ValidationFailed when it is blank or too long."""
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
    """Inside the transaction of what is recorded: both stand or neither. Raises ValidationFailed without a reason."""
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
