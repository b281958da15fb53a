"""Calendar months in UTC, named by their first day."""

from datetime import date


def get_month(day: date) -> date:
    """Of a day, or of a moment in UTC."""
    return date(day.year, day.month, 1)


def next_month(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)
