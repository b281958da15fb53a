"""Serves `/robots.txt` and `/sitemap.xml` for search engines."""

from xml.sax.saxutils import escape

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from voices.selectors import usable_voices

MAX_URLS = 50_000  # per file: https://www.sitemaps.org/protocol.html
PUBLIC_PAGES = ("home", "gallery", "pricing", "api_reference")
# URLs for programs, and those that contain a secret or a signature. Signed-in pages redirect to the sign-in anyway.
CLOSED = ("/api/", "/v1/", "/admin/", "/audio/", "/stream/", "/voices/compare", "/confirm-email/", "/reset-password/")


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    closed = "".join(f"Disallow: {path}\n" for path in CLOSED)
    lines = f"User-agent: *\n{closed}\nSitemap: {request.build_absolute_uri(reverse('sitemap'))}\n"
    return HttpResponse(lines, content_type="text/plain; charset=utf-8")


@require_safe
def sitemap(request: HttpRequest) -> HttpResponse:
    """Lists the public pages and a page for every available voice."""
    voice_ids = usable_voices().order_by("voice_id").values_list("voice_id", flat=True)
    paths = [reverse(name) for name in PUBLIC_PAGES]
    paths += [reverse("voice", args=[voice_id]) for voice_id in voice_ids[: MAX_URLS - len(paths)]]
    base_url = request.build_absolute_uri("/").rstrip("/")
    urls = "".join(f"<url><loc>{escape(base_url + path)}</loc></url>\n" for path in paths)
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{urls}</urlset>\n'
    )
    return HttpResponse(body, content_type="application/xml; charset=utf-8")
