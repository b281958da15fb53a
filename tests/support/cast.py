"""One cast for many requests: what a request changes is undone before the next one is made."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.core.signals import request_finished
from django.db import close_old_connections, transaction
from django.http import HttpResponseBase
from django.test import override_settings


@contextmanager
def rolled_back() -> Iterator[None]:
    """A block whose changes to the database are undone when it ends. Blocks nest."""
    block = transaction.atomic()
    block._from_testcase = True  # type: ignore[attr-defined]  # as Django's TestCase: durable blocks may stand inside
    with block:
        yield
        transaction.set_rollback(True)


@contextmanager
def own_counters() -> Iterator[None]:
    """A block whose requests are counted against no rate limit that others have used up."""
    prefix = str(uuid.uuid4())
    caches = settings.CACHES | {"default": settings.CACHES["default"] | {"KEY_PREFIX": prefix}}
    with override_settings(RATELIMIT_CACHE_PREFIX=f"rl:{prefix}:", CACHES=caches):
        yield


def close_response(response: HttpResponseBase) -> None:
    """Closes the files behind it and leaves the connection, and the transaction in it, open."""
    request_finished.disconnect(close_old_connections)
    try:
        response.close()
    finally:
        request_finished.connect(close_old_connections)
