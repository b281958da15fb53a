"""The speech API: submit, status, audio, list, delete."""

import uuid
from typing import Any, ClassVar

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request

from accounts.api.key_auth import KEY_ERRORS, KeyView
from accounts.errors import IdempotencyKeyReuse, RequestInProgress
from accounts.models import Account
from accounts.pagination import NewestFirst, get_page
from accounts.rate_limits import Bucket
from accounts.services.idempotency import IdempotencyClaim, build_header_claim
from billing.errors import InsufficientCredits, KeyCapReached
from billing.money import format_credits
from config import logs
from config.api import StrictSerializer, json_response, success
from config.errors import (
    Forbidden,
    NotFound,
    PayloadTooLarge,
    UnsupportedMediaType,
    ValidationFailed,
)
from config.schema import described
from tts.api.schema import AcceptedJob, AcceptedStream, JobPage, SpeechJob
from tts.api.serializers import SpeechSerializer
from tts.errors import AudioExpired, AudioNotAvailable, AudioNotReady, CapacityReached
from tts.job_json import job_data
from tts.models import JobStatus
from tts.requests import SpeechRequest
from tts.selectors import get_job, get_job_with_audio, list_jobs
from tts.services.lifecycle import cancel_or_erase_job
from tts.services.submit import Submission, submit_job
from tts.storage import store
from voices.errors import InvalidVoice
from webhooks.selectors import has_enabled_endpoint

SUBMIT_ERRORS = (
    *(*KEY_ERRORS, ValidationFailed, InvalidVoice, InsufficientCredits, KeyCapReached),
    *(CapacityReached, PayloadTooLarge, UnsupportedMediaType, RequestInProgress, IdempotencyKeyReuse),
)
CREDIT_HEADERS = {
    "X-Credits-Charged": "Credits charged for the job, as an exact decimal such as 0.042.",
    "X-Credits-Remaining": "Credits that the account can spend now.",
}
SUBMIT_HEADERS = CREDIT_HEADERS | {
    "Location": "The URL of the job, the same as `poll_url`.",
    "Idempotent-Replayed": "`true` if this response repeats an earlier one with the same Idempotency-Key.",
}
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "pattern": "^[\\x21-\\x7e]{1,255}$"},
    OpenApiParameter.HEADER,
    description="Repeating a request with the same key and body within 24 hours returns the same response and "
    "creates no second job.",
)


class JobFilters(StrictSerializer):
    """The query of `GET /tts`."""

    status = serializers.ChoiceField(choices=JobStatus.values, required=False)
    voice_id = serializers.CharField(max_length=160, trim_whitespace=False, required=False)
    created_after = serializers.DateTimeField(required=False)
    created_before = serializers.DateTimeField(required=False)
    cursor = serializers.CharField(max_length=300, required=False)
    limit = serializers.IntegerField(min_value=1, max_value=NewestFirst.max_page_size, required=False)


class JobList(KeyView):
    buckets: ClassVar[dict[str, Bucket]] = {"POST": "generate"}
    scopes: ClassVar[dict[str, str]] = {"POST": "speech:write"}

    @described(
        name="createSpeech",
        summary="Create speech",
        tag="Speech",
        request=SpeechSerializer,
        success={202: AcceptedJob},
        headers=SUBMIT_HEADERS,
        errors=SUBMIT_ERRORS,
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request: Request) -> HttpResponse:
        """Queues a text for synthesis. Poll the job until it is completed, then get the audio."""
        return _submit(self, request, is_streamed=False)

    @described(
        name="listJobs",
        summary="List jobs",
        tag="Speech",
        success={200: JobPage},
        errors=[*KEY_ERRORS, ValidationFailed],
        parameters=[
            OpenApiParameter("status", str, enum=JobStatus.values),
            OpenApiParameter("voice_id", {"type": "string", "minLength": 1, "maxLength": 160}),
            OpenApiParameter("created_after", {"type": "string", "format": "date-time"}),
            OpenApiParameter("created_before", {"type": "string", "format": "date-time"}),
            OpenApiParameter("limit", {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}),
            OpenApiParameter("cursor", str, description="The cursor from `next` or `previous`."),
        ],
    )
    def get(self, request: Request) -> HttpResponse:
        """Lists the jobs of the account, newest first."""
        filters = JobFilters(data=request.query_params.dict()).parsed()
        jobs = list_jobs(
            account=self.account,
            status=filters.get("status"),
            voice_id=filters.get("voice_id"),
            created_after=filters.get("created_after"),
            created_before=filters.get("created_before"),
        )
        page, next_url, previous_url = get_page(jobs, request, self)
        data = [job_data(job, _audio_url(request, job)) for job in page]
        return success({"jobs": data, "next": next_url, "previous": previous_url})


class JobStream(KeyView):
    buckets: ClassVar[dict[str, Bucket]] = {"POST": "generate"}
    scopes: ClassVar[dict[str, str]] = {"POST": "speech:write"}

    @described(
        name="streamSpeech",
        summary="Stream speech",
        tag="Speech",
        request=SpeechSerializer,
        success={202: AcceptedStream},
        headers=SUBMIT_HEADERS,
        errors=SUBMIT_ERRORS,
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request: Request) -> HttpResponse:
        """Creates the same job and returns a `stream_url` that plays the audio while it is generated.

        Open the URL with GET within five minutes. It needs no API key, can be opened once and returns chunked audio.
        HEAD requests do not open it. If the response ends abnormally, the job failed or was cancelled, and everything
        except the audio already sent is refunded. When the stream ends, the same audio is available at
        `audio_endpoint`. If the client disconnects, the job still completes and the audio is kept.
        """
        return _submit(self, request, is_streamed=True)


class JobDetail(KeyView):
    scopes: ClassVar[dict[str, str]] = {"DELETE": "speech:write"}

    @described(
        name="getJob",
        summary="Get a job",
        tag="Speech",
        success={200: SpeechJob},
        errors=[*KEY_ERRORS, NotFound],
    )
    def get(self, request: Request, job_id: uuid.UUID) -> HttpResponse:
        """Returns the status of a job and, once it is completed, a signed URL of its audio."""
        return self._status(request, job_id)

    @described(
        name="deleteJob",
        summary="Cancel or delete a job",
        tag="Speech",
        success={200: SpeechJob},
        errors=[*KEY_ERRORS, NotFound],
    )
    def delete(self, request: Request, job_id: uuid.UUID) -> HttpResponse:
        """Cancels an unfinished job, or deletes the text and audio of a finished one.

        For a cancelled job, everything that was neither synthesized nor streamed is refunded.
        """
        cancel_or_erase_job(account=self.account, job_id=job_id)
        return self._status(request, job_id)

    def _status(self, request: Request, job_id: uuid.UUID) -> HttpResponse:
        job = get_job(account=self.account, job_id=job_id)
        return success(job_data(job, _audio_url(request, job)), headers={"Cache-Control": "no-store"})


class JobAudio(KeyView):
    @described(
        name="getAudio",
        summary="Get the audio",
        tag="Speech",
        success={307: None},
        headers={"Location": "A signed URL. It needs no API key, is valid for 24 hours and supports range requests."},
        errors=[*KEY_ERRORS, NotFound, AudioNotReady, AudioNotAvailable, AudioExpired],
    )
    def get(self, request: Request, job_id: uuid.UUID) -> HttpResponse:
        """Redirects to the audio file. The signed URL needs no API key and supports range requests."""
        job = get_job_with_audio(account=self.account, job_id=job_id)
        location = store.signed_url(job.audio_key, base_url=_base_url(request)).url
        return HttpResponse(status=307, headers={"Location": location, "Cache-Control": "no-store"})


def _submit(view: KeyView, request: Request, *, is_streamed: bool) -> HttpResponse:
    speech = SpeechSerializer(data=request.data).speech_request(is_streamed=is_streamed)
    check_webhook_url(speech, view.account)
    submission = submit_job(
        admission=view.admission,
        request=speech,
        claim=idempotency_claim(request),
        base_url=_base_url(request),
    )
    logs.bind(job_id=submission.job_id)
    headers = {"Location": f"/api/v1/tts/{submission.job_id}"} | submission_headers(submission)
    return json_response(submission.body, status=202, headers=headers)


def check_webhook_url(speech: SpeechRequest, account: Account) -> None:
    if speech.webhook_url and not has_enabled_endpoint(account=account):
        raise Forbidden("webhook_url requires an enterprise plan with an enabled webhook endpoint.")


def submission_headers(submission: Submission) -> dict[str, str]:
    """Returns the headers with the price of a request; for a replay, that of the first request."""
    headers = {
        "X-Credits-Charged": format_credits(submission.charged_microcredits),
        "X-Credits-Remaining": format_credits(submission.remaining_microcredits),
    }
    return headers | {"Idempotent-Replayed": "true"} if submission.is_replay else headers


def idempotency_claim(request: Request) -> IdempotencyClaim | None:
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    return build_header_claim(key=key, path=request.path, body=request.data)


def _audio_url(request: Request, job: Any) -> store.SignedUrl | None:
    return store.signed_url(job.audio_key, base_url=_base_url(request)) if job.has_audio else None


def _base_url(request: Request) -> str:
    return request.build_absolute_uri("/").rstrip("/")
