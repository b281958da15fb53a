"""Serializers that document the responses of the speech API. `tts.job_json` builds the responses.

Also the OpenAPI document itself, generated once per process, and the page that shows it.
"""

import functools
import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from rest_framework import serializers
from rest_framework.request import Request

from accounts.api.key_auth import ApiView
from speech.audio.formats import FORMATS
from tts.models import JobStatus

CREDITS = serializers.RegexField(r"^\d+(\.\d+)?$", help_text="An exact decimal, such as 0.042.")


class AcceptedJob(serializers.Serializer[Any]):
    job_id = serializers.UUIDField()
    status = serializers.ChoiceField([JobStatus.PENDING.value])
    poll_url = serializers.CharField()
    audio_endpoint = serializers.CharField()
    chars_charged = serializers.IntegerField(min_value=1)
    credits_charged = CREDITS
    stream_url = serializers.URLField(
        required=False, help_text="Only with `delivery_mode: stream`. Can be opened once."
    )
    stream_expires_at = serializers.DateTimeField(required=False)


class AcceptedStream(AcceptedJob):
    stream_url = serializers.URLField(help_text="Can be opened once.")
    stream_expires_at = serializers.DateTimeField(help_text="The time until which the URL can be opened.")


class SpeechQuote(serializers.Serializer[Any]):
    voice_id = serializers.CharField()
    model_type = serializers.ChoiceField(["premium", "ultra"])
    chars_charged = serializers.IntegerField(min_value=1)
    credits_charged = CREDITS
    credits_available = CREDITS
    is_affordable = serializers.BooleanField(help_text="Whether the credits and the key's monthly cap allow it.")


class JobError(serializers.Serializer[Any]):
    code = serializers.ChoiceField(["GENERATION_FAILED"])
    message = serializers.CharField()


class SpeechJob(serializers.Serializer[Any]):
    job_id = serializers.UUIDField()
    status = serializers.ChoiceField(JobStatus.values)
    voice_id = serializers.CharField()
    output_format = serializers.ChoiceField(list(FORMATS))
    created_at = serializers.DateTimeField()
    chars_charged = serializers.IntegerField(min_value=1)
    credits_charged = CREDITS
    progress = serializers.IntegerField(min_value=0, max_value=100)
    metadata = serializers.DictField(allow_null=True)
    audio_url = serializers.URLField(
        required=False, allow_null=True, help_text="Only for completed jobs; null once deleted."
    )
    audio_url_expires_at = serializers.DateTimeField(required=False, allow_null=True)
    audio_endpoint = serializers.CharField(required=False)
    duration_seconds = serializers.FloatField(required=False)
    completed_at = serializers.DateTimeField(required=False)
    error = JobError(required=False)
    refunded = serializers.BooleanField(
        required=False,
        help_text="Whether everything was refunded. For failed and cancelled jobs, and for completed ones of which "
        "credits were refunded, such as those with nothing to say.",
    )
    credits_refunded = serializers.RegexField(r"^\d+(\.\d+)?$", required=False)


class JobPage(serializers.Serializer[Any]):
    jobs = SpeechJob(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


@functools.cache
def document() -> bytes:
    """Returns the OpenAPI document as JSON."""
    schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return json.dumps(schema, ensure_ascii=False, separators=(",", ":")).encode()


class OpenApiDocument(ApiView):
    """`GET /api/v1/openapi.json`."""

    schema = None

    def get(self, request: Request) -> HttpResponse:
        return HttpResponse(document(), content_type="application/json")


@require_safe
def api_reference(request: HttpRequest) -> HttpResponse:
    """Shows the document in Swagger UI."""
    return render(request, "tts/api_reference.html")
