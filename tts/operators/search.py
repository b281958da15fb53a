"""One box that finds a customer by whatever an operator was told: an email, a key or its ends, an id, a name."""

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet
from django.db.models.functions import Lower

from accounts.keys import PREFIX
from accounts.models import Account, ApiKey, User
from accounts.selectors import find_keys
from tts.models import Job

MAX_HITS = 20  # of each kind


@dataclass(frozen=True, slots=True)
class Hits:
    """What was found, at most MAX_HITS of each kind."""

    accounts: Sequence[Account] = ()
    people: Sequence[User] = ()
    keys: Sequence[ApiKey] = ()
    jobs: Sequence[Job] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.accounts or self.people or self.keys or self.jobs)


def search(text: str) -> Hits:
    """A key (whole, or as pages show it: `tts_ab12…9xyz`), an id, the beginning of an email or of an account's name."""
    text = text.strip()
    if not text:
        return Hits()
    if text.startswith(PREFIX):
        return _of_keys(_find_shown_keys(text))
    if (row_id := _as_uuid(text)) is not None:
        return _by_id(row_id)
    people = list(
        User.objects.annotate(lower_email=Lower("email"))
        .filter(lower_email__startswith=text.lower())
        .order_by("lower_email")[:MAX_HITS]
    )
    accounts = Account.objects.filter(memberships__user__in=[person.pk for person in people])
    named = Account.objects.filter(name__istartswith=text)
    return Hits(accounts=_accounts(accounts) or _accounts(named), people=people)


def _by_id(row_id: uuid.UUID) -> Hits:
    jobs = list(Job.objects.filter(pk=row_id).defer("text", "metadata").select_related("account"))
    keys = ApiKey.objects.filter(pk=row_id).select_related("account")
    account_ids = [row_id, *(job.account_id for job in jobs), *(key.account_id for key in keys)]
    return Hits(
        accounts=_accounts(Account.objects.filter(pk__in=account_ids)),
        people=list(User.objects.filter(pk=row_id)),
        keys=list(keys),
        jobs=jobs,
    )


def _of_keys(keys: QuerySet[ApiKey]) -> Hits:
    found = list(keys.select_related("account").order_by("-created_at")[:MAX_HITS])
    return Hits(accounts=_accounts(Account.objects.filter(pk__in=[key.account_id for key in found])), keys=found)


def _find_shown_keys(text: str) -> QuerySet[ApiKey]:
    prefix, *ends = re.split(r"…|\.\.\.", text, maxsplit=1)
    keys = find_keys(prefix)
    return keys.filter(last_four=ends[0]) if ends and ends[0] else keys


def _accounts(accounts: QuerySet[Account]) -> list[Account]:
    return list(accounts.select_related("plan").order_by("-created_at").distinct()[:MAX_HITS])


def _as_uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
