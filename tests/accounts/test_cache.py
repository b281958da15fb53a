"""The cache that counts requests: in the database, or in Redis when that is configured. What counts, counts exactly."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection

from accounts.cache import AtomicDatabaseCache


@pytest.fixture
def database_cache(db) -> AtomicDatabaseCache:
    """The one of a single machine, whatever is configured here."""
    call_command("createcachetable", "counts_of_this_test")
    return AtomicDatabaseCache("counts_of_this_test", {})


def test_sixteen_threads_lose_no_count(committed_db):
    cache.delete("hits")
    together = threading.Barrier(16)

    def count() -> None:
        try:
            together.wait(timeout=30)
            for _ in range(50):
                if not cache.add("hits", 1, 900):
                    cache.incr("hits")
        finally:
            connection.close()

    threads = [threading.Thread(target=count) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert cache.get("hits") == 16 * 50


def test_a_count_begins_once_and_goes_on(database_cache: AtomicDatabaseCache):
    assert database_cache.add("n", 1, 60) is True
    assert database_cache.add("n", 1, 60) is False
    assert [
        database_cache.incr("n"),
        database_cache.incr("n", 5),
        database_cache.decr("n", 8),
        database_cache.get("n"),
    ] == [
        2,
        7,
        -1,
        -1,
    ]


def test_a_count_that_does_not_exist_cannot_go_on(database_cache: AtomicDatabaseCache):
    with pytest.raises(ValueError, match="not found"):
        database_cache.incr("n")
    assert database_cache.get("n") is None


def test_going_on_does_not_prolong(database_cache: AtomicDatabaseCache):
    noon = datetime(2026, 1, 8, 12, tzinfo=UTC)
    with time_machine.travel(noon, tick=False) as clock:
        database_cache.add("n", 1, 60)
        clock.shift(timedelta(seconds=59))
        assert database_cache.incr("n") == 2
        clock.shift(timedelta(seconds=2))
        assert database_cache.get("n") is None
        with pytest.raises(ValueError, match="not found"):
            database_cache.incr("n")
        assert database_cache.add("n", 1, 60) is True
        assert database_cache.get("n") == 1


def test_what_never_expires_stays(database_cache: AtomicDatabaseCache):
    database_cache.add("n", 1, None)
    with time_machine.travel(datetime(2090, 1, 1, tzinfo=UTC)):
        assert database_cache.incr("n") == 2


def test_other_values_come_back_as_they_were(database_cache: AtomicDatabaseCache):
    values = {"text": "12", "true": True, "list": [1, {"a": None}], "float": 1.5, "bytes": b"\x00"}
    for key, value in values.items():
        assert database_cache.add(key, value, 60) is True
        assert database_cache.add(key, "another", 60) is False
    database_cache.add("n", 3, 60)
    assert database_cache.get_many([*values, "n", "missing"]) == values | {"n": 3}
    assert database_cache.get_many([]) == {}
    assert database_cache.get("true") is True


def test_keys_are_kept_apart(database_cache: AtomicDatabaseCache):
    for key in ("a", "A", "a%", "a_", "';--"):
        assert database_cache.add(key, 1, 60) is True


def test_expired_counters_are_forgotten_and_live_ones_stay(database_cache: AtomicDatabaseCache):
    with time_machine.travel(datetime(2030, 1, 1, tzinfo=UTC), tick=False) as clock:
        database_cache.add("old", 1, 60)
        database_cache.add("young", 1, 600)
        database_cache.add("eternal", 1, None)
        clock.shift(timedelta(seconds=120))
        assert database_cache.forget_expired() == 1
        assert database_cache.get_many(["old", "young", "eternal"]) == {"young": 1, "eternal": 1}
        assert database_cache.forget_expired() == 0
