"""Plain URLs of the voices' samples for pages, feeds and players, without a key."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from tts.storage import store
from voices.selectors import get_made_sample

CACHE_SECONDS = 300  # of the redirect: a new version of a sample has another name in the store


@require_safe
def voice_sample(request: HttpRequest, voice_id: str, kind: str = "") -> HttpResponse:
    """Redirects to the audio of a sample, by default the voice's first one.

    404 for a voice that has none or is not available.
    """
    sample = get_made_sample(voice_id=voice_id.replace("\0", ""), kind=kind)
    if sample is None:
        raise Http404("This voice has no sample yet.")
    url = store.signed_url(sample.key, base_url=request.build_absolute_uri("/").rstrip("/")).url
    response = redirect(url)
    response.headers["Cache-Control"] = f"public, max-age={CACHE_SECONDS}"
    return response
