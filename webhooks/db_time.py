"""What time it is: the database's, so that senders whose clocks differ agree on what is due."""

from datetime import datetime

from django.db import connection
from django.utils import timezone


def database_now() -> datetime:
    """SQLite has no clock of its own; it is on this machine."""
    if connection.vendor == "sqlite":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now
