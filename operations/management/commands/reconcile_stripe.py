"""Applies Stripe events that were never delivered."""

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser

from billing.errors import SellingNotSetUp
from billing.gateway import is_set_up
from billing.reconciliation import reconcile
from operations.management.output import OperatorCommand


class Command(OperatorCommand):
    help = "Fetch Stripe's events and apply those that were never delivered."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--since", help="start date or time in UTC, such as 2026-11-01; Stripe keeps events for 30 days"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not is_set_up():
            raise SellingNotSetUp
        seen, missed = reconcile(since=_moment(options["since"]))
        self.report({"events_at_stripe": seen, "events_we_lacked": missed}, as_json=options["json"])


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(f"--since: {text!r} is not a day or time such as 2026-11-01.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
