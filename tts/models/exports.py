"""Exports of all data of an account."""

import uuid
from typing import ClassVar

from django.db import models
from django.utils import timezone

from accounts.models import Account, AccountOwnedQuerySet


class ExportState(models.TextChoices):
    WAITING = "waiting"
    MAKING = "making"
    READY = "ready"
    FAILED = "failed"


class AccountExport(models.Model):
    """All data of an account as one zip in the audio store. A worker that claims it increments `attempt`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="exports")
    state = models.CharField(max_length=8, choices=ExportState.choices, default=ExportState.WAITING)
    attempt = models.PositiveSmallIntegerField(default=0)
    lease_expires_at = models.DateTimeField(null=True)
    size_bytes = models.PositiveBigIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    finished_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)  # when file and row are deleted

    objects = AccountOwnedQuerySet["AccountExport"].as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(state__in=ExportState.values), name="export_state_valid"),
            models.UniqueConstraint(
                fields=["account"], condition=models.Q(state__in=["waiting", "making"]), name="export_one_at_a_time"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.state} {self.id}"

    @property
    def is_finished(self) -> bool:
        return self.state in {ExportState.READY, ExportState.FAILED}

    def get_store_key(self, attempt: int) -> str:
        """Returns its name in the store. Each attempt has its own, so a stalled worker cannot touch another's file."""
        return f"exports/{self.pk}-{attempt}.zip"
