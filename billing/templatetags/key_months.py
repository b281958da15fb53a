"""What API keys spent this month, for the page of the app below, which knows nothing of credits."""

from collections.abc import Iterable

from django import template

from accounts.models import ApiKey
from billing.money import format_need
from billing.selectors import spent_this_month_by_key

register = template.Library()


@register.simple_tag
def with_spent(keys: Iterable[ApiKey]) -> list[tuple[ApiKey, str]]:
    """Each key with its credits of this month, to two decimals; one query for all."""
    rows = list(keys)
    spent = spent_this_month_by_key(rows)
    return [(key, format_need(spent.get(key.pk, 0))) for key in rows]
