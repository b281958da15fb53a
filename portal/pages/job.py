"""The page of a job: its audio, request and response, timings; resubmit, cancel, delete."""

import json
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.admission import admit_member
from accounts.membership import MemberRequest, member_page, refuse, refuse_with_error
from accounts.permissions import has_permission
from accounts.services.audit import Actor
from config.errors import DomainError, NotFound
from portal.pages.player import build_player
from portal.pages.tokens import form_token
from tts.job_json import job_data
from tts.models import Job
from tts.resubmit import build_request, request_body
from tts.selectors import get_job
from tts.services.lifecycle import cancel_job, erase_finished_job
from tts.services.resubmit import resubmit_job
from tts.storage import store
from voices.models import Voice

SHOWN_TEXT_CHARS = 5_000  # the rest is in the request shown as JSON


@dataclass(frozen=True, slots=True)
class Step:
    """A part of the time between the request and its audio, in milliseconds since the request."""

    name: str
    begins_ms: int
    lasts_ms: int


@require_safe
@never_cache
@member_page("view_jobs")
def job(request: MemberRequest, job_id: uuid.UUID) -> HttpResponse:
    found = _get_or_404(request, job_id)
    steps, total_ms = _steps(found)
    asked = build_request(found)
    body = request_body(asked)
    base_url = request.build_absolute_uri("/").rstrip("/")
    audio_url = store.signed_url(found.audio_key, base_url=base_url) if found.has_audio else None
    context = {
        "job": found,
        "sound": build_player(found, text=found.text[:200]),
        "voice": Voice.objects.filter(voice_id=found.voice_id).first(),
        "text": found.text[:SHOWN_TEXT_CHARS],
        "is_text_cut": len(found.text) > SHOWN_TEXT_CHARS,
        "steps": steps,
        "total_ms": total_ms,
        "request_json": _pretty(body),
        "response_json": _pretty({"success": True, "data": job_data(found, audio_url)}),
        "may_create": has_permission(request.membership, "create_speech"),
        "may_delete": has_permission(request.membership, "delete_jobs"),
        "token": uuid.uuid4(),
    }
    return render(request, "tts/job.html", context)


@require_safe
@never_cache
@member_page("view_jobs")
def sound(request: MemberRequest, job_id: uuid.UUID) -> HttpResponse:
    """Renders the part of the page that changes while a job runs. It polls until the job has finished."""
    found = _get_or_404(request, job_id)
    context = {"sound": build_player(found), "may_delete": has_permission(request.membership, "delete_jobs")}
    return render(request, "tts/_sound.html", context)


@require_POST
@member_page("create_speech")
def again(request: MemberRequest, job_id: uuid.UUID) -> HttpResponse:
    found = _get_or_404(request, job_id)
    try:
        actor = Actor.of_member(request.membership)
        admission = admit_member(request, account=request.membership.account, actor=actor)
        new_id = resubmit_job(admission=admission, job=found, form_token=form_token(request))
    except DomainError as error:
        message = f"{error.message.rstrip('.')}. Nothing was charged."
        return refuse_with_error(request, "The audio was not generated again", message, error)
    messages.success(request, "The text was submitted again as a new job.")
    return redirect("job", new_id)


@require_POST
@member_page("delete_jobs")
def cancel(request: MemberRequest, job_id: uuid.UUID) -> HttpResponse:
    _get_or_404(request, job_id)
    if cancel_job(account=request.membership.account, job_id=job_id):
        messages.success(
            request, "The job was cancelled. Everything that was neither synthesized nor streamed was refunded."
        )
    else:
        messages.success(request, "The job finished before it could be cancelled. Nothing was changed.")
    return redirect("job", job_id)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@member_page("delete_jobs")
def delete(request: MemberRequest, job_id: uuid.UUID) -> HttpResponse:
    """Shows what is deleted and asks for confirmation. POST erases text and audio."""
    found = _get_or_404(request, job_id)
    if not found.is_finished or found.erased_at is not None:
        return redirect("job", job_id)
    if request.method != "POST":
        return render(request, "tts/delete_job.html", {"sound": build_player(found, text=found.text[:200])})
    try:
        erase_finished_job(account=request.membership.account, job_id=job_id)
    except DomainError as error:
        return refuse(request, "Nothing was deleted", error.message)
    messages.success(request, "The audio and text were deleted. The charge stays in the ledger.")
    return redirect("job", job_id)


def _get_or_404(request: MemberRequest, job_id: uuid.UUID) -> Job:
    try:
        return get_job(account=request.membership.account, job_id=job_id)
    except NotFound:
        raise Http404 from None


def _steps(found: Job) -> tuple[list[Step], int]:
    """Returns the steps of a completed job with timings, and their total in milliseconds.

    Waiting for the engine and encoding alternate, so encoding is shown as one step after the speech.
    """
    if found.started_at is None or found.finished_at is None or found.synthesis_ms is None:
        return [], 0
    total = _ms(found.finished_at - found.created_at)
    queued = _ms(found.started_at - found.created_at)
    first = found.first_sound_ms or 0
    encoding, storing = found.encoding_ms or 0, found.storing_ms or 0
    parts = [
        ("Queued", queued),
        (
            "Earlier attempts",
            max(0, total - queued - found.synthesis_ms - encoding - storing) if found.attempt > 1 else 0,
        ),
        ("Time to first audio", first),
        ("Remaining speech", found.synthesis_ms - first),
        (f"Encoding to {found.output_format}", encoding),
        ("Storing", storing),
    ]
    steps, begins = [], 0
    for name, lasts in parts:
        if lasts or name != "Earlier attempts":
            steps.append(Step(name, begins, lasts))
        begins += lasts
    return steps, max(1, total, begins)


def _ms(duration: timedelta) -> int:
    return max(0, round(duration.total_seconds() * 1000))


def _pretty(data: Any) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False)
