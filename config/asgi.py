"""The ASGI entry point for streams, and for everything on one machine: Django behind limits on request bodies."""

import os
from typing import cast

from django.core.asgi import get_asgi_application
from django.urls import get_resolver

from config.collector import spare_start_up
from config.request_bodies import App, limits_from_settings, receive_bodies_first

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = receive_bodies_first(cast(App, get_asgi_application()), limits_from_settings())
_ = get_resolver().url_patterns  # load the URLs now, not at the first request
spare_start_up()
