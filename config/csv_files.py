"""Tables as CSV files to download."""

import csv
from collections.abc import Iterable, Sequence
from io import TextIOWrapper
from itertools import chain
from tempfile import SpooledTemporaryFile
from typing import IO, BinaryIO, cast

from django.http import FileResponse

from config.connections import release_connection

IN_MEMORY_BYTES = 1024 * 1024
BYTE_ORDER_MARK = "\ufeff"
# https://owasp.org/www-community/attacks/CSV_Injection; the wide forms are those of Japanese and Chinese keyboards.
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def csv_response(filename: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> FileResponse:
    """The whole table, written to a temporary file first: a length is known, and no connection is held while it is
    downloaded. Text that a spreadsheet would take for a formula begins with an apostrophe.
    """
    file = SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115 - the response closes it
    write_csv(cast(BinaryIO, file), chain([head], rows))
    release_connection()
    file.seek(0)
    response = FileResponse(file, as_attachment=True, filename=filename, content_type="text/csv; charset=utf-8")
    response.headers["Cache-Control"] = "no-store"
    return response


def write_csv(file: IO[bytes], rows: Iterable[Sequence[object]]) -> None:
    """Writes the rows, cells escaped, as UTF-8 with a byte order mark: Excel takes a file without one for Latin-1."""
    text = TextIOWrapper(file, "utf-8-sig", newline="", write_through=True)
    csv.writer(text).writerows([escape_formula(value) for value in row] for row in rows)
    text.detach()


def escape_formula(value: object) -> object:
    """Text that a spreadsheet would take for a formula begins with an apostrophe."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_SIGNS) else value
