"""Tables as CSV downloads."""

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
# https://owasp.org/www-community/attacks/CSV_Injection, including the full-width forms of CJK keyboards.
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def csv_response(filename: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> FileResponse:
    """Returns the table as a download.

    It is written to a temporary file first, so its length is known and no database connection is held during the
    download. Formulas are escaped.
    """
    file = SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115 - the response closes it
    write_csv(cast(BinaryIO, file), chain([head], rows))
    release_connection()
    file.seek(0)
    response = FileResponse(file, as_attachment=True, filename=filename, content_type="text/csv; charset=utf-8")
    response.headers["Cache-Control"] = "no-store"
    return response


def write_csv(file: IO[bytes], rows: Iterable[Sequence[object]]) -> None:
    """Writes rows with formulas escaped, in UTF-8 with a byte order mark: without it, Excel assumes Latin-1."""
    text = TextIOWrapper(file, "utf-8-sig", newline="", write_through=True)
    csv.writer(text).writerows([escape_formula(value) for value in row] for row in rows)
    text.detach()


def escape_formula(value: object) -> object:
    """Puts an apostrophe before text that a spreadsheet would take for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_SIGNS) else value
