"""The theme: light, dark, or the system's. One cookie, which the server renders into every page."""

from dataclasses import dataclass
from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from portal.pages.safe_redirect import get_safe_redirect

COOKIE = "theme"
COOKIE_SECONDS = 365 * 24 * 3600
AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Theme:
    chosen: str

    # value, icon, label
    choices: ClassVar = [
        (AUTO, "contrast", "System theme"),
        ("light", "sun", "Light theme"),
        ("dark", "moon", "Dark theme"),
    ]

    @property
    def forced(self) -> str:
        """Returns the chosen theme, or "" for the system's."""
        return "" if self.chosen == AUTO else self.chosen


VALUES = [value for value, _icon, _words in Theme.choices]


def theme(request: HttpRequest) -> dict[str, Any]:
    """Context processor."""
    chosen = request.COOKIES.get(COOKIE, AUTO)
    return {"theme": Theme(chosen if chosen in VALUES else AUTO)}


@csrf_exempt  # a forged request could only change a colour, and anonymous visitors should not get a cookie for a token
@require_POST
def choose_theme(request: HttpRequest) -> HttpResponse:
    """Sets the theme and redirects to `next`; returns 204 if a script sends none. Ignores invalid themes."""
    if "next" in request.POST:
        response: HttpResponse = redirect(get_safe_redirect(request, default="home"))
    else:
        response = HttpResponse(status=204)
    chosen = request.POST.get("theme", "")
    if chosen == AUTO:
        response.delete_cookie(COOKIE, samesite="Lax")
    elif chosen in VALUES:
        response.set_cookie(
            COOKIE,
            chosen,
            max_age=COOKIE_SECONDS,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
    return response
