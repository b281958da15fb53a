"""Releases a thread's database connection while it is not needed."""

from django.db import close_old_connections, connection


def release_connection() -> None:
    """Returns the connection to the pool before slow work without queries: the pool is small, and others wait for it.

    The next query takes one again. In a transaction, which would be lost, the connection is kept.
    """
    if not connection.in_atomic_block:
        close_old_connections()
