"""All URLs. Each app has its own in `urls.py`."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from config import errors
from operations.health import healthz, readyz
from operations.metrics import metrics

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("admin", RedirectView.as_view(url="/admin/")),
    path("admin/login", RedirectView.as_view(url="/admin/login/", query_string=True)),
    path("admin/", admin.site.urls),
    path("readyz", readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
    path("api/v1/", include("voices.urls")),
    path("api/v1/", include("billing.api_urls")),
    path("api/v1/", include("tts.api.urls")),
    path("api/user/", include("webhooks.api_urls")),
    path("v1/", include("tts.api.openai.urls")),
    path("", include("billing.urls")),
    path("", include("portal.urls")),
]

handler400 = errors.bad_request
handler403 = errors.permission_denied
handler404 = errors.not_found
handler429 = errors.too_many_requests  # used by django-allauth
handler500 = errors.server_error
