"""`POST /v1/audio/speech` and `GET /v1/models`."""

from dataclasses import replace
from typing import Any, ClassVar

from asgiref.sync import async_to_sync
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from rest_framework.request import Request

from accounts.api.key_auth import KEY_ERRORS, KeyView
from accounts.rate_limits import Bucket
from config import logs
from config.api import canonical_json, json_response
from config.connections import release_connection
from config.errors import ValidationFailed
from config.schema import described_as_openai
from tts.api.jobs import CREDIT_HEADERS, IDEMPOTENCY_KEY, SUBMIT_ERRORS, idempotency_claim, submission_headers
from tts.api.openai.events import events
from tts.api.openai.serializers import (
    RESPONSE_FORMATS,
    OpenAIEvent,
    OpenAIModel,
    OpenAIModelList,
    OpenAISpeech,
    OpenAISpeechSerializer,
    model_data,
)
from tts.errors import StreamBroken
from tts.requests import SpeechRequest
from tts.selectors import get_job
from tts.services.submit import submit_job
from tts.streaming.job_stream import begin, is_kept_back, listen, wait_until_finished
from voices.errors import InvalidVoice, ModelNotFound
from voices.selectors import get_model_alias, get_voice_for_model, list_model_aliases

MEDIA_TYPES = [media_type for _output_format, media_type in RESPONSE_FORMATS.values()]

# Audio that is complete by then is sent whole: its header has the length.
WHOLE_WITHIN_SECONDS = 0.3

# Our field names → OpenAI's.
THEIR_NAMES = {
    "text": "input",
    "voice_id": "voice",
    "model_type": "model",
    "prompt": "instructions",
    "output_format": "response_format",
}


class Speech(KeyView):
    """Streams speech while it is generated."""

    buckets: ClassVar[dict[str, Bucket]] = {"POST": "generate"}
    scopes: ClassVar[dict[str, str]] = {"POST": "speech:write"}

    @described_as_openai(
        name="createOpenAISpeech",
        summary="Create speech (OpenAI)",
        request=OpenAISpeechSerializer,
        success=dict.fromkeys(MEDIA_TYPES, OpenApiTypes.BINARY) | {"text/event-stream": OpenAIEvent},
        headers={
            "X-Job-ID": "The id of the job, as in /api/v1/tts.",
            "Idempotent-Replayed": "`true` if this response repeats an earlier one with the same Idempotency-Key.",
        }
        | CREDIT_HEADERS,
        errors=[*SUBMIT_ERRORS, ModelNotFound, StreamBroken],
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request: Request) -> HttpResponseBase:
        """Returns the audio while it is generated. Unknown fields are ignored.

        Audio that is complete within 0.3 seconds has a `Content-Length`, and its header has the playing time.

        The request creates a job like any other. If the job fails before the first byte, the response is an error. If
        it fails later, the response ends abnormally. In both cases, everything except the audio already sent is
        refunded.
        """
        asked = OpenAISpeechSerializer(data=request.data).speech()
        speech, refusal = _speech_request(asked)
        try:
            submission = submit_job(
                admission=self.admission,
                request=speech,
                claim=idempotency_claim(request),
            )
        except InvalidVoice as error:
            raise refusal or error from None
        except ValidationFailed as error:
            raise _in_their_names(error) from None
        logs.bind(job_id=submission.job_id)
        job = get_job(account=self.account, job_id=submission.job_id)
        headers = {
            "Cache-Control": "no-store",
            "X-Accel-Buffering": "no",  # tells nginx not to buffer
            "X-Job-ID": str(job.pk),
        } | submission_headers(submission)
        release_connection()
        job = async_to_sync(wait_until_finished)(job, seconds=WHOLE_WITHIN_SECONDS)
        if job.has_audio and not asked.is_sse:
            headers["Content-Length"] = str(job.audio_bytes)
        chunks = listen(job, is_counted=not is_kept_back(request._request))
        if asked.is_sse:
            body, content_type = begin(events(job, chunks), request._request), "text/event-stream"
        else:
            body, content_type = begin(chunks, request._request), asked.content_type
        return StreamingHttpResponse(body, content_type=content_type, headers=headers)


def _speech_request(asked: OpenAISpeech) -> tuple[SpeechRequest, InvalidVoice | None]:
    """Returns the request to submit and, if no voice was found, the error: a replay may still get its response."""
    model = get_model_alias(asked.model)
    speech = SpeechRequest(
        text=asked.text,
        voice_id=asked.voice,
        model_type=model.model_type or None,
        speed=asked.speed,
        output_format=asked.output_format,
        delivery_mode="direct",
    )
    try:
        voice = get_voice_for_model(model=model, name=asked.voice)
    except InvalidVoice as refusal:
        return speech, refusal
    speech = replace(speech, voice_id=voice.voice_id)
    if voice.supports_prompt:
        speech = replace(speech, model=model.engine_model or None, prompt=asked.instructions.strip() or None)
    return speech, None


def _in_their_names(error: ValidationFailed) -> ValidationFailed:
    """Returns the error with OpenAI's field names, which the caller used."""
    for field, [message, *_] in error.details.items():
        return ValidationFailed.of_field(THEIR_NAMES.get(field, field), message)
    return error


class ModelList(KeyView):
    @described_as_openai(
        name="listOpenAIModels",
        summary="List models (OpenAI)",
        success={"application/json": OpenAIModelList},
        errors=KEY_ERRORS,
    )
    def get(self, request: Request) -> HttpResponse:
        """Lists the names that `model` accepts."""
        data = [model_data(model) for model in list_model_aliases()]
        return _json({"object": "list", "data": data})


class ModelDetail(KeyView):
    @described_as_openai(
        name="getOpenAIModel",
        summary="Get a model (OpenAI)",
        success={"application/json": OpenAIModel},
        errors=[*KEY_ERRORS, ModelNotFound],
    )
    def get(self, request: Request, name: str) -> HttpResponse:
        """Returns one of the names that `model` accepts."""
        return _json(model_data(get_model_alias(name.replace("\0", "\ufffd"))))


def _json(body: dict[str, Any]) -> HttpResponse:
    return json_response(canonical_json(body).encode(), status=200)
