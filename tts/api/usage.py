"""`GET /api/v1/usage`: the usage of an account."""

from datetime import date
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request

from accounts.api.key_auth import KEY_ERRORS, KeyView
from billing.money import format_credits
from billing.months import get_month
from config.api import StrictSerializer, success
from config.errors import ValidationFailed
from config.schema import described
from tts.api.schema import CREDITS
from tts.usage import GROUPS, MAX_DAYS, Used, get_keys, get_total, get_usage


class UsageFilters(StrictSerializer):
    """The query of `GET /usage`."""

    first_day = serializers.DateField(required=False)
    last_day = serializers.DateField(required=False)
    by = serializers.ChoiceField(choices=GROUPS, default="day")


class UsageTotal(serializers.Serializer[Any]):
    requests = serializers.IntegerField(min_value=0)
    characters = serializers.IntegerField(min_value=0)
    credits = CREDITS


class UsageRow(UsageTotal):
    day = serializers.DateField(required=False)
    key_id = serializers.UUIDField(required=False, allow_null=True, help_text="null for speech from the dashboard.")
    key_name = serializers.CharField(required=False, allow_null=True)
    voice_id = serializers.CharField(required=False)


class AccountUsage(serializers.Serializer[Any]):
    first_day = serializers.DateField()
    last_day = serializers.DateField()
    by = serializers.ChoiceField(GROUPS)
    rows = UsageRow(many=True)
    total = UsageTotal()


class Usage(KeyView):
    @described(
        name="getUsage",
        summary="Get usage",
        tag="Account",
        success={200: AccountUsage},
        errors=[*KEY_ERRORS, ValidationFailed],
        parameters=[
            OpenApiParameter(
                "first_day", {"type": "string", "format": "date"}, description="Default: the first of this month."
            ),
            OpenApiParameter("last_day", {"type": "string", "format": "date"}, description="Default: today."),
            OpenApiParameter("by", {"type": "string", "enum": list(GROUPS), "default": "day"}),
        ],
    )
    def get(self, request: Request) -> HttpResponse:
        """Returns requests, characters and credits for whole days in UTC, at most 366 of them.

        Refunded credits are not counted. Days without requests are omitted.
        """
        filters = UsageFilters(data=request.query_params.dict()).parsed()
        today = timezone.now().date()
        last_day: date = filters.get("last_day", today)
        first_day: date = filters.get("first_day", get_month(last_day))
        if first_day > last_day:
            raise ValidationFailed.of_field("first_day", "Must not be after last_day.")
        if (last_day - first_day).days >= MAX_DAYS:
            raise ValidationFailed.of_field("first_day", f"The range must not exceed {MAX_DAYS} days.")
        by = filters["by"]
        rows = get_usage(account=self.account, first_day=first_day, last_day=last_day, by=by)
        names = {key.pk: key.name for key in get_keys(self.account, rows).values()} if by == "key" else {}
        data = {
            "first_day": first_day.isoformat(),
            "last_day": last_day.isoformat(),
            "by": by,
            "rows": [_subject(row, by, names) | _figures(row) for row in rows],
            "total": _figures(get_total(rows)),
        }
        return success(data, headers={"Cache-Control": "no-store"})


def _subject(row: Used, by: str, names: dict[Any, str]) -> dict[str, Any]:
    if by == "day":
        return {"day": row.of.isoformat()}
    if by == "voice":
        return {"voice_id": row.of}
    return {"key_id": str(row.of) if row.of else None, "key_name": names.get(row.of)}


def _figures(row: Used) -> dict[str, Any]:
    return {"requests": row.requests, "characters": row.characters, "credits": format_credits(row.microcredits)}
