"""The Redis cache, with the database as a fallback while Redis is unavailable.

Cached data is small and never decides about money; most of it is rate-limit counts. While Redis is unavailable, every
process counts in the database, which has to be there anyway, and the windows start again. The alternatives were worse:
no limit, a limit per process, or refusing requests.
"""

import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar

from django.core.cache import caches
from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.core.cache.backends.redis import RedisCache, RedisCacheClient
from redis.backoff import NoBackoff
from redis.exceptions import BusyLoadingError, ReadOnlyError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

logger = logging.getLogger(__name__)

T = TypeVar("T")

TIMEOUT_SECONDS = 0.3  # to connect, and to wait for a response
AWAY_SECONDS = 2.0  # Redis is skipped for this long after a failure, so that only one request waits
OUT_OF_REACH = (RedisConnectionError, RedisTimeoutError, BusyLoadingError, ReadOnlyError, OSError)

_clients: dict[str, RedisCacheClient] = {}
_away_until = float("-inf")  # monotonic seconds


class _SharedRedisCache(RedisCache):
    """Shares connections per process. Under ASGI, Django creates a cache for every request."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        if server not in _clients:
            # One immediate retry, for a connection that Redis closed while it was idle.
            retry: Any = Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,))
            _clients[server] = RedisCacheClient(
                [server], socket_connect_timeout=TIMEOUT_SECONDS, socket_timeout=TIMEOUT_SECONDS, retry=retry
            )
        self._cache = _clients[server]


class RedisCacheWithStandIn(BaseCache):
    """A CACHES backend. LOCATION is Redis; OPTIONS["stand_in"] names the cache to use while Redis is unavailable."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        self._redis = _SharedRedisCache(server, params | {"OPTIONS": {}})
        self._stand_in_name: str = params["OPTIONS"]["stand_in"]

    def add(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return self._ask(lambda cache: bool(cache.add(key, value, timeout, version)))

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        return self._ask(lambda cache: cache.get(key, default, version))

    def set(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        self._ask(lambda cache: cache.set(key, value, timeout, version))

    def touch(self, key: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return self._ask(lambda cache: bool(cache.touch(key, timeout, version)))

    def delete(self, key: Any, version: int | None = None) -> bool:
        return self._ask(lambda cache: bool(cache.delete(key, version)))

    def incr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        return self._ask(lambda cache: int(cache.incr(key, delta, version)))

    def clear(self) -> None:
        self._ask(lambda cache: cache.clear())

    def _ask(self, question: Callable[[BaseCache], T]) -> T:
        global _away_until
        if time.monotonic() >= _away_until:
            try:
                return question(self._redis)
            except OUT_OF_REACH as error:
                _away_until = time.monotonic() + AWAY_SECONDS
                logger.warning("Redis is unavailable; using the database for rate limits: %s", type(error).__name__)
        return question(caches[self._stand_in_name])
