"""Submits a job: idempotency, voice, price, charge, row and stored response, in one transaction."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.admission import Admission
from accounts.errors import NothingToChange
from accounts.key_limits import check_voice
from accounts.models import Account, ApiKey
from accounts.services import idempotency
from accounts.services.idempotency import IdempotencyClaim
from billing.selectors import get_balance, left_this_month
from billing.services.ledger import charge_job
from config.api import success_body
from config.errors import DomainError
from speech.audio.formats import Encoding
from speech.audio_bound import Extent
from speech.engines.base import EngineUnavailable
from speech.engines.registry import get_engine
from tts.errors import NotRetryable
from tts.job_json import accepted_data
from tts.models import Job, JobStatus
from tts.queue import wake_worker
from tts.requests import SpeechRequest, check_against_voice, check_dialogue, speaker_voice_ids
from tts.storage import store
from voices.errors import InvalidVoice
from voices.models import Voice
from voices.prices import get_voice_price
from voices.selectors import get_voice_for_speech, has_voices
from webhooks.ssrf import check_url


@dataclass(frozen=True, slots=True)
class Submission:
    """The body of the 202 response as bytes, and whether it is a replay of an earlier one.

    `charged_microcredits` is what the job cost at the time; `remaining_microcredits` is what the account can spend now.
    """

    body: bytes
    job_id: uuid.UUID
    is_replay: bool
    charged_microcredits: int
    remaining_microcredits: int


@dataclass(frozen=True, slots=True)
class Quote:
    """What a request would cost, and what the account can spend."""

    voice: Voice
    chars: int
    cost_microcredits: int
    remaining_microcredits: int
    is_affordable: bool


@dataclass(frozen=True, slots=True)
class _Speakable:
    """A request that was checked against its voice."""

    voice: Voice
    encoding: Encoding
    extent: Extent
    queue: str
    speakers: list[str]  # engine voices, for a dialogue
    webhook_url: str  # as it is stored


def submit_job(
    *,
    admission: Admission,
    request: SpeechRequest,
    claim: IdempotencyClaim | None = None,
    base_url: str = "",
    retry_of: Job | None = None,
    on_accepted: Callable[[Job], None] | None = None,
) -> Submission:
    """Creates a pending job and charges for it, or replays an earlier response. An error leaves nothing behind.

    `admission` is from `accounts.admission`, `base_url` is scheme and host of the request, for the URL of a stream.
    `retry_of` is the failed job that an operator retries, at its price. `on_accepted` runs in the transaction.

    Raises IdempotencyKeyReuse, RequestInProgress, InvalidVoice, Forbidden (a voice that the key may not use),
    ValidationFailed, CapacityReached, InsufficientCredits, KeyCapReached, in this order; for a retry NotRetryable and
    NothingToChange (already retried) come first.
    """
    admission.use()
    # Before the transaction, so that other writers do not wait for it: long SSML takes a while to parse, and a
    # webhook_url takes a DNS lookup. An error is raised only after the replay, which is due even if the voice no longer
    # exists.
    speakable: _Speakable | DomainError
    try:
        speakable = _check(request, admission.api_key)
    except DomainError as refusal:
        speakable = refusal
    with transaction.atomic():
        if claim is not None and (replay := _claim(admission.account, claim)) is not None:
            return replay
        if retry_of is not None:
            check_retryable(Job.objects.select_for_update(of=("self",)).get(pk=retry_of.pk))
        if isinstance(speakable, DomainError):
            raise speakable
        job = _build_job(admission, request, speakable, retry_of)
        submission = _accept(admission, job, claim, base_url)
        if on_accepted is not None:
            on_accepted(job)
        return submission


def check_retryable(job: Job) -> None:
    """Raises NotRetryable, NothingToChange. The result is final only if the job's row is locked."""
    if job.status != JobStatus.FAILED:
        raise NotRetryable(f"The job is {job.status}. Only a failed job can be retried.")
    if job.erased_at is not None:
        raise NotRetryable("The job's text was deleted, so it cannot be spoken again.")
    if Job.objects.filter(retry_of=job).exists():
        raise NothingToChange("The job has already been retried.")


def quote_job(*, account: Account, api_key: ApiKey | None, request: SpeechRequest) -> Quote:
    """Returns what `submit_job` would charge for this request. Changes nothing.

    Raises InvalidVoice, Forbidden, ValidationFailed, like `submit_job`.
    """
    voice = _check(request, api_key).voice
    cost = request.chars * get_voice_price(voice)
    remaining = get_balance(account).spendable_microcredits
    left_of_cap = None if api_key is None else left_this_month(api_key)
    is_affordable = cost <= remaining and (left_of_cap is None or cost <= left_of_cap)
    return Quote(voice, request.chars, cost, remaining, is_affordable)


def _check(request: SpeechRequest, api_key: ApiKey | None) -> _Speakable:
    voice = _find_voice(request.voice_id, api_key)
    encoding, extent = check_against_voice(request, voice)
    speakers = [_find_voice(voice_id, api_key) for voice_id in speaker_voice_ids(request)]
    if speakers:
        check_dialogue(request, voice, speakers)
    queue = _get_queue(voice)
    webhook_url = check_url(request.webhook_url, field="webhook_url").url if request.webhook_url else ""
    return _Speakable(voice, encoding, extent, queue, [speaker.engine_voice for speaker in speakers], webhook_url)


def _find_voice(voice_id: str, api_key: ApiKey | None) -> Voice:
    """Returns a voice. Raises InvalidVoice, Forbidden. If a provider's voices were never listed, the error says why."""
    try:
        voice = get_voice_for_speech(voice_id)
    except InvalidVoice:
        provider = voice_id.partition(":")[0]
        if provider not in settings.SPEECH_ENGINES or has_voices(provider):
            raise
        reason = get_engine(provider).unavailable_reason()
        if not reason:
            raise
        raise InvalidVoice(f"The voice {voice_id} is not available here: {reason.rstrip('.')}.") from None
    if api_key is not None:
        check_voice(api_key, voice_id=voice.voice_id, provider=voice.provider)
    return voice


def _claim(account: Account, claim: IdempotencyClaim) -> Submission | None:
    """Returns None if this request is the first with its key."""
    remembered = idempotency.claim(account=account, key=claim.key, fingerprint=claim.fingerprint)
    if remembered is None:
        return None
    assert remembered.job_id is not None
    cost = Job.objects.values_list("cost_microcredits", flat=True).get(pk=remembered.job_id)
    remaining = get_balance(account).spendable_microcredits
    return Submission(bytes(remembered.response_body), remembered.job_id, True, cost, remaining)


def _build_job(admission: Admission, request: SpeechRequest, speakable: _Speakable, retry_of: Job | None) -> Job:
    voice, encoding = speakable.voice, speakable.encoding
    if retry_of is not None:
        chars, cost_microcredits = retry_of.chars_charged, retry_of.cost_microcredits
    else:
        chars, cost_microcredits = request.chars, request.chars * get_voice_price(voice)
    job = Job(
        account=admission.account,
        api_key=admission.api_key,
        retry_of=retry_of,
        voice_id=voice.voice_id,
        provider=voice.provider,
        queue=speakable.queue,
        text=request.text,
        text_format=request.text_format,
        speed=request.speed,
        model=request.model or "",
        prompt=request.prompt or "",
        speakers=speakable.speakers or None,
        metadata=request.metadata,
        webhook_url=speakable.webhook_url,
        output_format=request.output_format,
        sample_rate_hertz=encoding.sample_rate_hertz,
        bitrate_kbps=encoding.bitrate_kbps,
        channels=encoding.channels,
        expected_bytes=store.expected_bytes(
            text=request.text,
            extent=speakable.extent,
            speed=request.speed,
            encoding=encoding,
            is_streamed=request.delivery_mode != "async",
        ),
        chars_charged=chars,
        cost_microcredits=cost_microcredits,
    )
    if request.delivery_mode == "stream":
        job.stream_expires_at = timezone.now() + timedelta(seconds=settings.STREAM_OPEN_SECONDS)
    elif request.delivery_mode == "direct":
        job.stream_expires_at = job.stream_opened_at = job.created_at
    return job


def _accept(admission: Admission, job: Job, claim: IdempotencyClaim | None, base_url: str) -> Submission:
    store.check_capacity(more_bytes=job.expected_bytes)
    remaining = charge_job(
        account=admission.account,
        job_id=job.pk,
        cost_microcredits=job.cost_microcredits,
        actor=admission.actor,
        api_key=admission.api_key,
    )
    job.save(force_insert=True)
    store.add_expected_bytes(job.expected_bytes)
    body = success_body(accepted_data(job, base_url=base_url))
    if claim is not None:
        idempotency.remember(account=admission.account, key=claim.key, job_id=job.pk, response_body=body)
    # Robust: the job is accepted and charged even if the wake-up fails.
    transaction.on_commit(lambda: wake_worker(job.queue), robust=True)
    return Submission(body, job.pk, False, job.cost_microcredits, remaining)


def _get_queue(voice: Voice) -> str:
    try:
        return get_engine(voice.provider).queue
    except EngineUnavailable as error:
        raise InvalidVoice(f"The voice {voice.voice_id} is not available here: {error}") from None
