"""The hidden token of a form that must not work twice."""

import uuid

from django.http import HttpRequest


def form_token(request: HttpRequest) -> str:
    """As the form sent it; a fresh one for what is none of ours."""
    try:
        return str(uuid.UUID(request.POST.get("token", "")))
    except ValueError:
        return str(uuid.uuid4())
