"""One-time stream URLs: signed, so that only who was given one can open it. Whether it was opened stands in the job."""

import uuid

from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac

SIGNATURE_SALT = "tts.stream"


def stream_url(job_id: uuid.UUID, *, base_url: str) -> str:
    """`base_url`: scheme and host of the request."""
    return f"{base_url}{reverse('stream_audio', kwargs={'job_id': job_id, 'token': _token(job_id)})}"


def is_token_valid(job_id: uuid.UUID, token: str) -> bool:
    return constant_time_compare(_token(job_id), token)


def _token(job_id: uuid.UUID) -> str:
    return salted_hmac(SIGNATURE_SALT, str(job_id), algorithm="sha256").hexdigest()
