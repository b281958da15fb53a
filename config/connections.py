"""The database connection of a thread, while it has no use for it."""

from django.db import close_old_connections, connection


def release_connection() -> None:
    """Before what takes long and asks the database nothing: a pool has few, and others wait for them.

    The next query takes one again. Within a transaction, which would be lost, it is kept.
    """
    if not connection.in_atomic_block:
        close_old_connections()
