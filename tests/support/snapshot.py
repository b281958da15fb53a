"""The rows of an empty installation, kept in memory and put back in milliseconds.

Django keeps them as JSON and saves them one object after the other, which took more time than most tests themselves
(a third of the whole run). Here it is a DELETE and one INSERT of many rows for each table.
"""

from typing import Any, NamedTuple

from django.db import connection, transaction


class TableRows(NamedTuple):
    table: str
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


def take_snapshot() -> list[TableRows]:
    """All rows of all tables that have any, but for the record of migrations."""
    snapshot = []
    with connection.cursor() as cursor:
        for table in connection.introspection.django_table_names(only_existing=True, include_views=False):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608
            if rows := cursor.fetchall():
                snapshot.append(TableRows(table, tuple(column[0] for column in cursor.description), rows))
    return snapshot


def restore_snapshot(snapshot: list[TableRows]) -> None:
    """Puts the rows back into their tables, whatever is there now. Foreign keys are checked at the end."""
    quote = connection.ops.quote_name
    with transaction.atomic(), connection.cursor() as cursor:
        for table, _, _ in snapshot:
            cursor.execute(f"DELETE FROM {quote(table)}")  # noqa: S608
        for table, columns, rows in snapshot:
            names, places = ", ".join(map(quote, columns)), ", ".join(["%s"] * len(columns))
            insert = f"INSERT INTO {quote(table)} ({names}) VALUES ({places})"  # noqa: S608
            cursor.executemany(insert, rows)
