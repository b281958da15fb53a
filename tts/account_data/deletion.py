"""Deletes accounts seven days after the request. The steps can stop anywhere and start again.

First, nothing more is charged, then texts and audio are deleted, and finally the people: until everything else is gone,
operators can still find the account. Jobs, ledger and audit trail keep their rows, which contain no names.
"""

import logging

from django.db.models import Q
from django.utils import timezone

from accounts.mails import in_subject, send_mail
from accounts.models import Account, Role, User
from accounts.services.account_deletion import erase_people
from billing import gateway
from billing.services.alerts import raise_alert
from billing.services.cancel_on_deletion import forget_payment_settings
from billing.services.subscriptions import end_subscription, live_subscriptions
from config.errors import DomainError
from tts.account_data.exports import delete_export
from tts.models import UNFINISHED, AccountExport, Job
from tts.services.lifecycle import cancel_job, erase_job
from webhooks.services.endpoints import erase_webhooks

logger = logging.getLogger(__name__)

BATCH = 200


def delete_due_accounts() -> int:
    """Deletes the accounts that are due. If one fails, it is retried later, and operators are alerted."""
    deleted = 0
    due = Account.objects.filter(deletion_due_at__lte=timezone.now(), deleted_at=None).order_by("deletion_due_at")
    for account in due:
        try:
            delete_account(account=account)
        except DomainError as error:
            logger.warning("could not delete account %s: %s", account.pk, error.code)
            _tell_operators(account, error.message)
        except Exception:  # must not delay the other accounts
            logger.exception("could not delete account %s", account.pk)
            _tell_operators(account, "Internal error. See the log.")
        else:
            deleted += 1
    return deleted


def _tell_operators(account: Account, why: str) -> None:
    raise_alert(
        kind="deletion_waits",
        reference=str(account.pk),
        message=f"The account could not be deleted: {why} The deletion will be retried.",
        account=account,
    )


def delete_account(*, account: Account) -> None:
    """Deletes an account. Idempotent and safe to run concurrently.

    Raises PaymentsUnavailable, SellingNotSetUp, StoreUnavailable.
    """
    assert account.deletion_due_at is not None and account.deletion_due_at <= timezone.now()
    name = account.name
    is_owner = Q(memberships__account=account, memberships__role=Role.OWNER)
    owners = list(User.objects.filter(is_owner).values_list("email", flat=True))
    for subscription in live_subscriptions(account=account):
        gateway.cancel_subscription(subscription)
        end_subscription(subscription=subscription)
    forget_payment_settings(account=account)
    _erase_jobs(account)
    for row in AccountExport.objects.for_account(account):
        delete_export(row)
    erase_webhooks(account=account)
    erase_people(account=account)
    for email in owners:
        subject = f"{in_subject(name)} has been deleted"
        send_mail("tts/email/deleted", to=email, subject=subject, context={"account_name": name})


def _erase_jobs(account: Account) -> None:
    """Cancels unfinished jobs, which takes them from their worker, then erases every text and every audio."""
    for job_id in Job.objects.for_account(account).filter(status__in=UNFINISHED).values_list("pk", flat=True):
        cancel_job(account=account, job_id=job_id)
    left = Job.objects.for_account(account).filter(erased_at=None).select_related("account").defer("text")
    while jobs := list(left[:BATCH]):
        for job in jobs:
            erase_job(job=job)
