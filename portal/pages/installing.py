"""The line on some pages with the progress of installing the natural voices. htmx polls it until they are ready."""

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
    """Context processor. Reads nothing unless a template uses the value."""
    return {"installation": SimpleLazyObject(get_running_installation)}


@require_safe
@never_cache
def installing(request: HttpRequest) -> HttpResponse:
    """Renders the current line, and finally the outcome. The line polls only while the installation is running."""
    state = get_install_state()
    if state is None:
        return render(request, "_partials/installing.html", {"installation": None})
    running = get_running_installation()
    has_voices = PROVIDER in usable_providers()
    if state.status == "installed" and not has_voices:  # the catalogue lists them in a moment
        running = Installation(PROVIDER, 100)
    outcome = "ready" if has_voices else "failed"
    return render(request, "_partials/installing.html", {"installation": running, "outcome": outcome})
