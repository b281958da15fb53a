"""Tables as CSV files to download."""

import csv
from collections.abc import Iterable, Sequence
from io import TextIOWrapper
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

from django.http import FileResponse

from config.connections import release_connection

IN_MEMORY_BYTES = 1024 * 1024
# https://owasp.org/www-community/attacks/CSV_Injection; the wide forms are those of Japanese and Chinese keyboards.
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def csv_response(filename: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> FileResponse:
    """The whole table, written to a temporary file first: a length is known, and no connection is held while it is
    downloaded. Text that a spreadsheet would take for a formula begins with an apostrophe.
    """
    file = SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115 - the response closes it
    text = TextIOWrapper(cast(BinaryIO, file), "utf-8", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow(head)
    writer.writerows([escape_formula(value) for value in row] for row in rows)
    text.detach()
    release_connection()
    file.seek(0)
    response = FileResponse(file, as_attachment=True, filename=filename, content_type="text/csv; charset=utf-8")
    response.headers["Cache-Control"] = "no-store"
    return response


def escape_formula(value: object) -> object:
    """Text that a spreadsheet would take for a formula begins with an apostrophe."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_SIGNS) else value
