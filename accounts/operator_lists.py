"""Restricts the query parameters of lists under /admin to their own filters, search, sorting and pages.

Django's lists can be filtered by any column, even hidden ones: `?password__startswith=` would reveal a password hash
character by character. Here a parameter that the list does not offer is refused before a row is read.
"""

import logging
from typing import Any

from django.contrib import admin
from django.contrib.admin.filters import FieldListFilter
from django.contrib.admin.options import ShowFacets
from django.contrib.admin.utils import get_fields_from_path
from django.contrib.admin.views.main import ERROR_FLAG, ORDER_VAR, PAGE_VAR, SEARCH_VAR
from django.core.exceptions import SuspiciousOperation, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.admin import ModelAdmin

from accounts.membership import refuse

logger = logging.getLogger(__name__)

MAX_NAMED_CHARS = 200  # of the refused parameters, on the page and in the log


class OperatorList(ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """The base of every list. Subclasses allow more only through `list_filter`, `search_fields` and `sortable_by`."""

    show_facets = ShowFacets.NEVER  # facets count rows
    list_max_show_all = 0  # always paginate

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        refused = self.refused_parameters(request)
        if refused:
            names = ", ".join(refused)[:MAX_NAMED_CHARS]
            logger.warning(
                "refused a list filter: user %s, list of %s, filters %r", request.user.pk, self.opts.label, names
            )
            message = f"You cannot filter or sort this list by: {names}. Use the filters on the page."
            return refuse(request, "Unknown filter", message, status=400)
        response: HttpResponse = super().changelist_view(request, extra_context)
        return response

    def refused_parameters(self, request: HttpRequest) -> list[str]:
        """Returns the parameters that this list does not offer, or whose values the database cannot take."""
        offered = {PAGE_VAR, ERROR_FLAG}
        if self.get_search_fields(request):
            offered.add(SEARCH_VAR)
        if self._offers_order(request):
            offered.add(ORDER_VAR)
        if not set(request.GET) <= offered:
            offered |= self._filter_parameters(request)
        return sorted(
            name for name, values in request.GET.lists() if name not in offered or any("\0" in text for text in values)
        )

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Allows the parameters of this list's filters. Django's own implementation allows every column."""
        return request is not None and lookup in self._filter_parameters(request)

    def to_field_allowed(self, request: HttpRequest, to_field: str) -> bool:
        """Allows opening rows only by their ID."""
        return False

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if "_to_field" in request.GET:
            raise SuspiciousOperation("A row is opened by its ID.")
        response: HttpResponse = super().change_view(request, object_id, form_url, extra_context)
        return response

    def _filter_parameters(self, request: HttpRequest) -> set[str]:
        parameters: set[str] = set()
        for spec in self.get_list_filter(request):
            if isinstance(spec, str):
                field = get_fields_from_path(self.model, spec)[-1]
                made = FieldListFilter.create(field, request, {}, self.model, self, field_path=spec)
            else:
                made = spec(request, {}, self.model, self)
            parameters.update(name for name in made.expected_parameters() if name)
        return parameters

    def _offers_order(self, request: HttpRequest) -> bool:
        """Whether the list can be sorted by the columns that `o` names by number."""
        sortable = set(self.get_sortable_by(request))
        columns = self.get_list_display(request)
        numbers = {str(number) for number, name in enumerate(columns) if name in sortable}
        return all(part.removeprefix("-") in numbers for part in request.GET.get(ORDER_VAR, "").split("."))


class LinkFilter(admin.SimpleListFilter):
    """Filters rows by one value of `parameter_name`, set by a link on another page. Hidden until it is set."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        value = self.value()
        return [(value, value)] if value else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if not value:
            return queryset
        try:
            return queryset.filter(**{str(self.parameter_name): value})
        except ValidationError:  # not a valid ID
            return queryset.none()


class AccountFilter(LinkFilter):
    title = "account"
    parameter_name = "account__id__exact"


class TargetTypeFilter(LinkFilter):
    title = "kind of target"
    parameter_name = "target_type"


class TargetFilter(LinkFilter):
    title = "target"
    parameter_name = "target_id"
