"""Redis and PostgreSQL stopped, frozen, restarted under a running service: money stays exact, answers are in time."""

import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from tests.live.restartable import Server, restartable_postgres, restartable_redis
from tests.live.service import PRICE_MICROCREDITS, SENTENCE, VOICE_ID, Caller, Service, settings_of_services
from tests.support.services import NoServices
from tests.support.waiting import wait_for

pytestmark = pytest.mark.skipif(not settings_of_services(), reason="needs PostgreSQL and Redis: make test-services")

REDIS_AWAY_SECONDS = 1.0  # an answer's longest way, as promised
DATABASE_AWAY_SECONDS = 5.0  # until a 503; and from the database's return until the last error
SPEECH = {"text": SENTENCE, "voice_id": VOICE_ID}
COST = PRICE_MICROCREDITS * len(SENTENCE)


@dataclass
class World:
    postgres: Server
    redis: Server
    service: Service
    caller: Caller


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    try:
        with restartable_postgres() as postgres, restartable_redis() as redis:
            settings = {
                "DATABASE_URL": postgres.url,
                "REDIS_URL": redis.url,
                "SECRET_KEY": secrets.token_urlsafe(48),
                "AUDIO_STORE_URL": "",
            }
            service = Service(tmp_path_factory.mktemp("away"), settings=settings)
            try:
                service.start()
                made = service.manage_json(
                    *("create_account", "alice@acme.example", "--plan", "enterprise", "--credits", "100000", "--key")
                )
                caller = Caller(service, made["api_key"])
                with caller.http:
                    caller.wait_until_completed(caller.submit())
                    yield World(postgres, redis, service, caller)
            finally:
                service.kill_everything()
    except NoServices as error:
        pytest.skip(str(error))


@pytest.fixture(autouse=True)
def all_is_well(world: World) -> Iterator[None]:
    yield
    assert world.service.manage_json("check_ledger")["mismatches"] == []


def timed(world: World, method: str, path: str, **more) -> tuple[httpx.Response, float]:
    began = time.monotonic()
    answer = world.caller.http.request(method, path, **more)
    return answer, time.monotonic() - began


def balance(world: World) -> int:
    [(available,)] = world.service.query("SELECT available_microcredits FROM billing_balance")
    return int(available)


def submit_and_read(world: World, times: int) -> tuple[list[str], list[float]]:
    """Ids of jobs, and the seconds that each request took."""
    job_ids, seconds = [], []
    for _ in range(times):
        answer, took = timed(world, "POST", "/api/v1/tts", json=SPEECH)
        assert answer.status_code == 202, answer.text
        job_ids.append(answer.json()["data"]["job_id"])
        seconds.append(took)
        for path in (f"/api/v1/tts/{job_ids[-1]}", "/api/v1/tts", "/api/v1/voices"):
            answer, took = timed(world, "GET", path)
            assert answer.status_code == 200, answer.text
            seconds.append(took)
    return job_ids, seconds


@pytest.mark.parametrize("how", ["stopped", "frozen"])
def test_without_redis_the_api_answers_in_time_and_jobs_complete_when_it_is_back(
    world: World, how: str, record_property
):
    before = balance(world)
    if how == "stopped":
        world.redis.stop()
    else:
        world.redis.freeze()
    try:
        job_ids, seconds = submit_and_read(world, 8)
        limits = [timed(world, "GET", "/api/v1/tts")[0].headers["X-RateLimit-Remaining"] for _ in range(3)]
    finally:
        if how == "stopped":
            world.redis.start()
        else:
            world.redis.thaw()
    began = time.monotonic()
    for job_id in job_ids:
        world.caller.wait_until_completed(job_id)

    report(record_property, f"redis {how}", seconds, time.monotonic() - began)
    assert max(seconds) < REDIS_AWAY_SECONDS
    # The limits are counted all the while, by all processes together.
    assert [int(limit) for limit in limits] == [int(limits[0]), int(limits[0]) - 1, int(limits[0]) - 2]
    assert balance(world) == before - 8 * COST
    assert [world.caller.ledger(job_id) for job_id in job_ids] == [[("charge", -COST)]] * 8


def test_requests_that_race_while_redis_is_away_are_charged_once_each(world: World):
    before = balance(world)
    world.redis.stop()
    try:
        answers: list[httpx.Response] = []

        def post(key: str) -> None:
            answers.append(world.caller.http.post("/api/v1/tts", json=SPEECH, headers={"Idempotency-Key": key}))

        threads = [threading.Thread(target=post, args=[f"race-{number % 5}"]) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        world.redis.start()

    assert {answer.status_code for answer in answers} <= {202, 409}
    job_ids = {answer.json()["data"]["job_id"] for answer in answers if answer.status_code == 202}
    assert len(job_ids) == 5
    for job_id in job_ids:
        world.caller.wait_until_completed(job_id)
    assert balance(world) == before - 5 * COST


def test_while_postgres_is_away_the_api_says_so_in_time_and_recovers_with_it(world: World, record_property):
    before = balance(world)
    world.postgres.stop()
    try:
        seconds = []
        for method, path in (("POST", "/api/v1/tts"), ("GET", "/api/v1/tts"), ("GET", "/api/v1/voices")) * 2:
            answer, took = timed(world, method, path, json=SPEECH if method == "POST" else None)
            seconds.append(took)
            assert answer.status_code == 503
            assert answer.headers["Retry-After"] == "2"
            error = answer.json()["error"]
            assert error["code"] == "INTERNAL_ERROR"
            assert error["message"].startswith("The database is unavailable.")
            assert error["request_id"] == answer.headers["X-Request-ID"]
        page, took = timed(world, "GET", "/")
        seconds.append(took)
        assert page.status_code == 503
        assert "The database is unavailable." in page.text
        assert world.service.answers()  # the process itself is well
    finally:
        world.postgres.start()
    back = time.monotonic()
    errors_until = 0.0
    while time.monotonic() - back < 2 * DATABASE_AWAY_SECONDS:
        answer, _ = timed(world, "GET", "/api/v1/tts")
        if answer.status_code != 200:
            errors_until = time.monotonic() - back

    report(record_property, "postgres stopped", seconds, errors_until)
    assert max(seconds) < DATABASE_AWAY_SECONDS
    assert errors_until < DATABASE_AWAY_SECONDS
    assert balance(world) == before
    world.caller.wait_until_completed(world.caller.submit())


def test_a_restart_of_postgres_under_load_ends_errors_soon_and_charges_exactly(world: World, record_property):
    before = balance(world)
    stop = threading.Event()
    moments: list[tuple[float, int]] = []
    accepted: list[str] = []

    def ask() -> None:
        with httpx.Client(base_url=world.service.url, headers=world.caller.http.headers, timeout=30) as http:
            while not stop.is_set():
                answer = http.post("/api/v1/tts", json=SPEECH)
                moments.append((time.monotonic(), answer.status_code))
                if answer.status_code == 202:
                    accepted.append(answer.json()["data"]["job_id"])

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    try:
        wait_for(lambda: len(accepted) > 20, "some jobs", seconds=30)
        world.postgres.stop()
        down = time.monotonic()
        world.postgres.start()
        back = time.monotonic()
        wait_for(lambda: time.monotonic() > back + DATABASE_AWAY_SECONDS + 2, "the time of grace", seconds=60)
    finally:
        stop.set()
        for thread in threads:
            thread.join()

    errors = [moment - back for moment, status in moments if status != 202]
    report(record_property, f"postgres restarted ({back - down:.1f} s)", [], max(errors, default=0.0))
    assert {status for _, status in moments} <= {202, 503}
    assert max(errors, default=0.0) < DATABASE_AWAY_SECONDS
    # What was charged is what stands as a job: a commit that was cut off may have got through, but never half of it.
    [(jobs,)] = world.service.query(
        "SELECT count(*) FROM tts_job j JOIN billing_ledgerentry e ON e.job_id = j.id WHERE e.kind = 'charge'"
    )
    [(all_jobs,)] = world.service.query("SELECT count(*) FROM tts_job")
    assert jobs == all_jobs
    assert (before - balance(world)) % COST == 0
    assert before - balance(world) >= len(accepted) * COST
    wait_for(lambda: unfinished(world) == 0, "all jobs to be spoken", seconds=100)
    [(failed,)] = world.service.query("SELECT count(*) FROM tts_job WHERE status = 'failed'")
    assert failed == 0


def unfinished(world: World) -> int:
    rows = world.service.query("SELECT count(*) FROM tts_job WHERE status IN ('pending', 'processing')")
    return int(rows[0][0])


def report(record_property, what: str, seconds: list[float], afterwards: float) -> None:
    """Into the test report; `-rP` or a JUnit file shows it."""
    line = f"{what}: slowest answer {max(seconds, default=0.0):.3f} s, {afterwards:.2f} s until all was well"
    record_property("measured", line)
    print(line)
