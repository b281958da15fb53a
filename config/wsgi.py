"""The WSGI entry point, for `runserver` and other servers: Django, with the length of chunked bodies filled in.

`manage.py start` uses `config.asgi_threads` and `config.asgi` instead. A WSGI server ends a chunked response normally
even if its iterator raises, so clients could not tell half a speech from a whole one. CANNOT_BREAK_OFF in the request's
META tells views about this.
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
    """Sets the Content-Length of a chunked body; without it, Django would treat the body as empty.

    Keeps at most `max_bytes` + 1 bytes. The extra byte lets the API's parser refuse the body at its usual place, after
    authentication.
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
_ = get_resolver().url_patterns  # load the URLs now, not at the first request
spare_start_up()
