"""Calendar months in UTC, named by their first day."""

from datetime import date, datetime


def month_of(moment: datetime) -> date:
    return moment.date().replace(day=1)


def next_month(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)
