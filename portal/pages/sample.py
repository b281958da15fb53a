"""Where a voice's sample is heard: a plain URL for pages, feeds and players, without a key."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from tts.storage import store
from voices.selectors import usable_voices

CACHE_SECONDS = 3600  # of the redirect; the signed URL that it names is good for a day


@require_safe
def voice_sample(request: HttpRequest, voice_id: str) -> HttpResponse:
    """A redirect to the audio. 404 for a voice that has none, or does not speak here."""
    voice = usable_voices().filter(voice_id=voice_id.replace("\0", "")).exclude(sample_key="").first()
    if voice is None:
        raise Http404("This voice has no sample yet.")
    url = store.signed_url(voice.sample_key, base_url=request.build_absolute_uri("/").rstrip("/")).url
    response = redirect(url)
    response.headers["Cache-Control"] = f"public, max-age={CACHE_SECONDS}"
    return response
