"""Accepting a job: claim of the idempotency key, voice, price, charge, row and stored answer, in one transaction."""

import uuid
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.key_limits import check_voice
from accounts.models import Account, ApiKey
from accounts.services import idempotency
from accounts.services.audit import COMMAND_LINE, Actor
from billing.selectors import get_balance, get_price, left_this_month
from billing.services.ledger import charge_job
from config.api import success_body
from config.errors import DomainError
from tts import store
from tts.audio.formats import Encoding
from tts.engines.base import EngineUnavailable
from tts.engines.registry import get_engine
from tts.models import Job
from tts.queue import wake_worker
from tts.requests import SpeechRequest, check_against_voice, check_dialogue, speaker_voice_ids
from tts.serializers import accepted_data
from voices.errors import InvalidVoice
from voices.models import Voice
from voices.selectors import get_voice_for_speech, has_voices_of
from webhooks.guard import check_url


@dataclass(frozen=True, slots=True)
class IdempotencyClaim:
    """An Idempotency-Key and the fingerprint of the request that came with it."""

    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Submission:
    """The body of the 202, as bytes, and whether it is a repeat of an earlier one.

    `charged_microcredits`: what the job cost, then; `remaining_microcredits`: what the account can spend, now.
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
    """What a request comes to, once its voice has agreed to it."""

    voice: Voice
    encoding: Encoding
    queue: str
    speakers: list[str]  # engine voices; of a dialogue
    webhook_url: str  # as it is kept


def submit_job(
    *,
    account: Account,
    api_key: ApiKey | None,
    request: SpeechRequest,
    claim: IdempotencyClaim | None = None,
    base_url: str = "",
    actor: Actor = COMMAND_LINE,
) -> Submission:
    """A pending job, paid for; or the answer to the same request before. Whatever is raised leaves nothing behind.

    `base_url`: scheme and host of the request, for the URL of a stream. `actor`: who asks, where no key does.

    Raises IdempotencyKeyReuse, RequestInProgress, InvalidVoice, Forbidden (a voice that the key may not use),
    ValidationFailed, CapacityReached, InsufficientCredits, KeyCapReached, in this order.
    """
    # Before the transaction, for others wait to write meanwhile: long SSML takes a while to read, and name servers
    # are asked where a webhook_url leads. What is wrong is told after the replay, which is due even when the voice has
    # gone since.
    speakable: _Speakable | DomainError
    try:
        speakable = _check(request, api_key)
    except DomainError as refusal:
        speakable = refusal
    with transaction.atomic():
        return _submit(account, api_key, request, claim, speakable, base_url, actor)


def quote_job(*, account: Account, api_key: ApiKey | None, request: SpeechRequest) -> Quote:
    """What `submit_job` would take for this request. Nothing is made, charged or remembered.

    Raises InvalidVoice, Forbidden, ValidationFailed, as `submit_job` does.
    """
    voice = _check(request, api_key).voice
    cost = request.chars * get_price(voice.model_type)
    remaining = get_balance(account).spendable_microcredits
    left_of_cap = None if api_key is None else left_this_month(api_key)
    is_affordable = cost <= remaining and (left_of_cap is None or cost <= left_of_cap)
    return Quote(voice, request.chars, cost, remaining, is_affordable)


def _check(request: SpeechRequest, api_key: ApiKey | None) -> _Speakable:
    voice = _find_voice(request.voice_id, api_key)
    encoding = check_against_voice(request, voice)
    speakers = [_find_voice(voice_id, api_key) for voice_id in speaker_voice_ids(request)]
    if speakers:
        check_dialogue(request, voice, speakers)
    queue = _queue_of(voice)
    webhook_url = check_url(request.webhook_url, field="webhook_url").url if request.webhook_url else ""
    return _Speakable(voice, encoding, queue, [speaker.engine_voice for speaker in speakers], webhook_url)


def _find_voice(voice_id: str, api_key: ApiKey | None) -> Voice:
    """Raises InvalidVoice, Forbidden. A provider that could never be asked has no voices here: it says why."""
    try:
        voice = get_voice_for_speech(voice_id)
    except InvalidVoice:
        provider = voice_id.partition(":")[0]
        if provider not in settings.SPEECH_ENGINES or has_voices_of(provider):
            raise
        reason = get_engine(provider).unavailable_reason()
        if not reason:
            raise
        raise InvalidVoice(f"The voice {voice_id} is not available here: {reason.rstrip('.')}.") from None
    if api_key is not None:
        check_voice(api_key, voice_id=voice.voice_id, provider=voice.provider)
    return voice


def _submit(
    account: Account,
    api_key: ApiKey | None,
    request: SpeechRequest,
    claim: IdempotencyClaim | None,
    speakable: _Speakable | DomainError,
    base_url: str,
    actor: Actor,
) -> Submission:
    if claim is not None:
        remembered = idempotency.claim(account=account, key=claim.key, fingerprint=claim.fingerprint)
        if remembered is not None:
            assert remembered.job_id is not None
            cost = Job.objects.values_list("cost_microcredits", flat=True).get(pk=remembered.job_id)
            remaining = get_balance(account).spendable_microcredits
            return Submission(bytes(remembered.response_body), remembered.job_id, True, cost, remaining)
    if isinstance(speakable, DomainError):
        raise speakable
    voice, encoding = speakable.voice, speakable.encoding
    job = Job(
        account=account,
        api_key=api_key,
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
        chars_charged=request.chars,
        cost_microcredits=request.chars * get_price(voice.model_type),
    )
    if request.delivery_mode == "stream":
        job.stream_expires_at = timezone.now() + timedelta(seconds=settings.STREAM_OPEN_SECONDS)
    elif request.delivery_mode == "direct":
        job.stream_expires_at = job.stream_opened_at = job.created_at
    store.check_capacity()
    remaining = charge_job(
        account=account,
        job_id=job.pk,
        cost_microcredits=job.cost_microcredits,
        actor=str(actor) if api_key is None else f"key:{api_key.pk}",
        api_key=api_key,
    )
    job.save(force_insert=True)
    body = success_body(accepted_data(job, base_url=base_url))
    if claim is not None:
        idempotency.remember(account=account, key=claim.key, job_id=job.pk, response_body=body)
    # Robust: the job is accepted and paid for, whatever becomes of the wake-up.
    transaction.on_commit(lambda: wake_worker(job.queue), robust=True)
    return Submission(body, job.pk, False, job.cost_microcredits, remaining)


def _queue_of(voice: Voice) -> str:
    try:
        return get_engine(voice.provider).queue
    except EngineUnavailable as error:
        raise InvalidVoice(f"The voice {voice.voice_id} is not available here: {error}") from None
