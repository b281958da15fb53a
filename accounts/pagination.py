"""Cursor pagination of an account's rows, newest first. New rows do not shift the pages."""

from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from rest_framework.exceptions import NotFound as CursorNotFound
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.views import APIView

from config.errors import ValidationFailed

M = TypeVar("M", bound=Model)


class NewestFirst(CursorPagination):
    ordering = ("-created_at", "-id")
    page_size = 50
    page_size_query_param = "limit"
    max_page_size = 200

    def decode_cursor(self, request: Request) -> Any:
        cursor = super().decode_cursor(request)
        if cursor is not None and cursor.position is not None and not _is_position(str(cursor.position)):
            raise CursorNotFound
        return cursor


def get_page(rows: QuerySet[M], request: Request, view: APIView) -> tuple[list[M], str | None, str | None]:
    """Returns the rows for the query's `cursor` and `limit`, and the URLs of the next and the previous page.

    Raises ValidationFailed for a cursor that we did not issue.
    """
    pages = NewestFirst()
    try:
        page = pages.paginate_queryset(rows, request, view=view)
    except CursorNotFound:
        raise ValidationFailed.of_field("cursor", "Invalid cursor.") from None
    return page or [], pages.get_next_link(), pages.get_previous_link()


def _is_position(text: str) -> bool:
    """Whether the cursor holds a time in UTC, as ours do. Other values would fail or overflow in the database."""
    try:
        return datetime.fromisoformat(text).utcoffset() == timedelta(0)
    except ValueError:
        return False
