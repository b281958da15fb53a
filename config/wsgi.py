"""The WSGI entry, for pages and the API behind a proxy: Django, with bodies of unknown length made known.

Under WSGI the server ends a chunked body cleanly even when its iterator raises, so nobody could tell half a speech from
a whole one. Views learn of it by CANNOT_BREAK_OFF in the request's META.
"""

import os
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from config.collector import spare_start_up

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

App = Callable[[dict[str, Any], Any], Iterable[bytes]]


def measure_body(app: App, *, max_bytes: int) -> App:
    """A chunked body gets the Content-Length that Django reads by; without one it would take the body for empty.

    At most `max_bytes` + 1 bytes are kept: the extra one lets the API's parser see that the limit was passed and refuse
    in its turn (after authentication).
    """

    def measured(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ["CANNOT_BREAK_OFF"] = True
        if "HTTP_TRANSFER_ENCODING" in environ and not environ.get("CONTENT_LENGTH"):
            body = environ["wsgi.input"].read(max_bytes + 1)
            environ["wsgi.input"] = BytesIO(body)
            environ["CONTENT_LENGTH"] = str(len(body))
        return app(environ, start_response)

    return measured


application = measure_body(get_wsgi_application(), max_bytes=settings.API_MAX_BODY_BYTES)
_ = get_resolver().url_patterns  # read now, and not by the first request
spare_start_up()
