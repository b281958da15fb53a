"""The pages: what this is, and an account at a glance."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers. Asks nothing of the database or the queue."""
    return HttpResponse("ok\n", content_type="text/plain")
