"""What the tests of the API share: the envelope taken apart, what a refusal must leave alone, queries by name."""

import re
from collections.abc import Sequence
from typing import Any

from accounts.models import IdempotencyRecord
from billing.models import Balance, LedgerEntry
from tts.models import Job

ANNIE = "espeak:en-US-eSpeak-Annie"
NEVER_WAS = "00000000-0000-4000-8000-000000000000"
RATE_HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "X-RateLimit-Bucket")

_STATEMENT = re.compile(
    r'(SELECT).*? FROM "(\w+)"|(INSERT) .*?INTO "(\w+)"|(UPDATE) "(\w+)"|(DELETE) FROM "(\w+)"', re.S
)


def error_of(response: Any, status: int, code: str) -> dict[str, Any]:
    """The `error` of a failure, after checking everything that every failure has in common."""
    assert (response.status_code, response.headers["Content-Type"]) == (status, "application/json"), response.content
    body = response.json()
    assert set(body) == {"success", "error"}
    assert body["success"] is False
    error: dict[str, Any] = body["error"]
    assert {"code", "message", "request_id"} <= set(error) <= {"code", "message", "request_id", "details"}
    assert error["code"] == code, error
    assert isinstance(error["message"], str)
    assert error["message"].strip()
    assert error["request_id"] == response.headers["X-Request-ID"] != ""
    if "details" in error:
        assert error["details"]
        for field, messages in error["details"].items():
            assert isinstance(field, str)
            assert messages
            assert all(isinstance(message, str) and message for message in messages)
    check_common_headers(response)
    return error


def data_of(response: Any, status: int = 200) -> Any:
    """The `data` of a success."""
    assert (response.status_code, response.headers["Content-Type"]) == (status, "application/json"), response.content
    body = response.json()
    assert set(body) == {"success", "data"}
    assert body["success"] is True
    check_common_headers(response)
    return body["data"]


def check_common_headers(response: Any) -> None:
    assert response.headers["X-Request-ID"]
    if response.request["PATH_INFO"].startswith("/api/v1"):
        assert [name for name in RATE_HEADERS if name not in response.headers] == []
        assert response.headers["X-RateLimit-Bucket"] in {"generate", "read"}
        limit, remaining, reset = (int(response.headers[name]) for name in RATE_HEADERS[:3])
        assert 0 <= remaining <= limit
        assert reset > 1_700_000_000


def everything_that_costs() -> tuple[Any, ...]:
    """Jobs, money and remembered answers: equal before and after means that nothing happened."""
    return (
        sorted(Job.objects.values_list("pk", "status", "refunded_microcredits", "erased_at")),
        sorted(LedgerEntry.objects.values_list("pk", flat=True)),
        sorted(Balance.objects.values_list("account_id", "available_microcredits", "debt_microcredits")),
        sorted(IdempotencyRecord.objects.values_list("account_id", "key", "fingerprint")),
    )


def statements(queries: Sequence[dict[str, str]]) -> list[str]:
    """Captured queries as "SELECT tts_job".

    Left out: savepoints, settings of the transaction, and the cache's table, which Redis does without.
    """
    found = []
    for query in queries:
        match = _STATEMENT.match(query["sql"])
        if match is not None:
            verb, table = (part for part in match.groups() if part is not None)
            if table != "cache":
                found.append(f"{verb} {table}")
        else:
            first_word = re.split(r"[\s(]", query["sql"], maxsplit=1)[0]
            known = first_word in {"SAVEPOINT", "RELEASE", "ROLLBACK", "BEGIN", "COMMIT", "SET"}
            assert known or '"cache"' in query["sql"], query["sql"]
    return found
