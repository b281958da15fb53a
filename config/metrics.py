"""Prometheus metrics that this process counts.

`operations.metrics` reads the ones in the database at each scrape.
"""

from prometheus_client import CollectorRegistry, Counter, Histogram

REGISTRY = CollectorRegistry()

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

REQUESTS = Counter(
    "utterance_requests",
    "Responses, by method, route (its pattern, not its path) and status.",
    ["method", "route", "status"],
    registry=REGISTRY,
)
REQUEST_SECONDS = Histogram(
    "utterance_request_seconds",
    "Time until the response headers were ready, by route.",
    ["route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=REGISTRY,
)
LOST_WAKE_UPS = Counter(
    "utterance_lost_wake_ups",
    "Worker messages that the broker did not accept. The sweep picks up the work.",
    registry=REGISTRY,
)


def count_request(*, method: str, route: str, status: int, seconds: float) -> None:
    REQUESTS.labels(method if method in METHODS else "other", route, str(status)).inc()
    REQUEST_SECONDS.labels(route).observe(seconds)
