"""Calendar months in UTC, named by their first day."""

from datetime import date


def get_month(day: date) -> date:
    """Returns the first day of the month of a date, or of a datetime in UTC."""
    return date(day.year, day.month, 1)


def next_month(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)
