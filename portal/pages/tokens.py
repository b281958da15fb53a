"""The hidden token that makes a form idempotent."""

import uuid

from django.http import HttpRequest


def form_token(request: HttpRequest) -> str:
    """Returns the form's token, or a new one if it is invalid."""
    try:
        return str(uuid.UUID(request.POST.get("token", "")))
    except ValueError:
        return str(uuid.uuid4())
