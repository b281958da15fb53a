"""What API keys spent this month, for a page in `accounts`, which does not know about credits."""

from collections.abc import Iterable

from django import template

from accounts.models import ApiKey
from billing.money import format_need
from billing.selectors import spent_this_month_by_key

register = template.Library()


@register.simple_tag
def with_spent(keys: Iterable[ApiKey]) -> list[tuple[ApiKey, str]]:
    """Returns each key with the credits that it spent this month, to two decimals. Takes one query."""
    rows = list(keys)
    spent = spent_this_month_by_key(rows)
    return [(key, format_need(spent.get(key.pk, 0))) for key in rows]
