"""Signs one-time stream URLs, so that only their recipient can open them. The job's row records that."""

import uuid

from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac

SIGNATURE_SALT = "tts.stream"


def stream_url(job_id: uuid.UUID, *, base_url: str) -> str:
    """Returns the stream's URL. `base_url` is the request's scheme and host."""
    return f"{base_url}{reverse('stream_audio', kwargs={'job_id': job_id, 'token': _token(job_id)})}"


def is_token_valid(job_id: uuid.UUID, token: str) -> bool:
    return constant_time_compare(_token(job_id), token)


def _token(job_id: uuid.UUID) -> str:
    return salted_hmac(SIGNATURE_SALT, str(job_id), algorithm="sha256").hexdigest()
