"""The star of a voice, for signed-in users."""

from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from config.errors import NotFound
from portal.pages.playground import is_htmx
from portal.pages.safe_redirect import get_safe_redirect
from voices.selectors import get_public_voice, is_favourite
from voices.services import set_favourite


@require_POST
@never_cache
def favourite(request: HttpRequest, voice_id: str) -> HttpResponse:
    """Sets the star to `on`. If the session has expired, redirects to the sign-in and from there to the voice."""
    if not request.user.is_authenticated:
        return redirect_to_login(reverse("voice", args=[voice_id]))
    try:
        voice = get_public_voice(voice_id.replace("\0", ""))
    except NotFound:
        raise Http404("No voice has this ID.") from None
    wanted = request.POST.get("on", "")
    if wanted in {"0", "1"}:
        set_favourite(user=request.user, voice=voice, is_favourite=wanted == "1")
    if is_htmx(request):
        starred = is_favourite(user=request.user, voice=voice)
        return render(request, "tts/_star.html", {"voice": voice, "starred": starred})
    return redirect(get_safe_redirect(request, default="gallery"))
