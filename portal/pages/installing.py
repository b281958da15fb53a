"""The line on some pages that says how far the natural voices are, and what htmx asks until they are here."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import SimpleLazyObject
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from speech.engines.kokoro.voices import PROVIDER
from voices.installation import Installation, get_install_state, get_running_installation
from voices.selectors import usable_providers


def installation(request: HttpRequest) -> dict[str, Any]:
    """A context processor. Nothing is read until a template shows it."""
    return {"installation": SimpleLazyObject(get_running_installation)}


@require_safe
@never_cache
def installing(request: HttpRequest) -> HttpResponse:
    """The line as it is now, and in the end how it went. It asks again only while there is something to come."""
    state = get_install_state()
    if state is None:
        return render(request, "_partials/installing.html", {"installation": None})
    running = get_running_installation()
    has_voices = PROVIDER in usable_providers()
    if state.status == "installed" and not has_voices:  # the catalogue learns of them in a moment
        running = Installation(PROVIDER, 100)
    outcome = "ready" if has_voices else "failed"
    return render(request, "_partials/installing.html", {"installation": running, "outcome": outcome})
