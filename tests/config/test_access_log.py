"""The client's address behind proxies, and the line and the count of a request."""

import logging
import uuid
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient, Client

from config.metrics import REQUESTS


@pytest.fixture
def access_lines(settings, caplog: pytest.LogCaptureFixture) -> Any:
    settings.ACCESS_LOG = True
    caplog.set_level(logging.INFO, "access")
    return lambda: [record.fields for record in caplog.records if record.name == "access"]  # type: ignore[attr-defined]


def count_of(route: str, status: int) -> float:
    labels = {"method": "GET", "route": route, "status": str(status)}
    samples = [sample for metric in REQUESTS.collect() for sample in metric.samples]
    return sum(
        sample.value for sample in samples if sample.name == "utterance_requests_total" and sample.labels == labels
    )


@pytest.mark.parametrize(
    ("proxies", "forwarded", "client"),
    [
        (0, "203.0.113.7", "127.0.0.1"),
        (1, "203.0.113.7", "203.0.113.7"),
        (1, "198.51.100.1, 203.0.113.7", "203.0.113.7"),  # the left one is what the client made up
        (2, "198.51.100.1, 203.0.113.7, 10.0.0.2", "203.0.113.7"),
        (2, "203.0.113.7", "127.0.0.1"),  # it did not come through both
        (1, "", "127.0.0.1"),
        (1, "unknown", "127.0.0.1"),
        (1, "2001:db8::0007", "2001:db8::7"),
        (1, "203.0.113.7:4711", "203.0.113.7"),
        (1, "[2001:db8::7]:4711", "2001:db8::7"),
        (1, "[2001:db8::7]", "2001:db8::7"),
        (1, "203.0.113.7:", "203.0.113.7"),
    ],
)
def test_the_client_is_whom_our_outermost_proxy_heard_from(
    settings, access_lines, proxies: int, forwarded: str, client: str
) -> None:
    settings.TRUSTED_PROXIES = proxies
    Client().get("/nowhere", headers={"X-Forwarded-For": forwarded})
    assert [line["client"] for line in access_lines()] == [client]


@pytest.mark.django_db
def test_a_made_up_address_does_not_get_an_allowance_of_its_own(settings, voices) -> None:
    settings.ANONYMOUS_READ_LIMIT = 2
    made_up = [f"198.51.100.{number}" for number in range(3)]
    for proxies, forwarded in ((0, "{}"), (1, "{}, 203.0.113.7")):
        settings.TRUSTED_PROXIES = proxies
        settings.RATELIMIT_CACHE_PREFIX = f"rl:{uuid.uuid4()}:"
        answers = [
            Client().get("/api/v1/voices", headers={"X-Forwarded-For": forwarded.format(address)})
            for address in made_up
        ]
        assert [answer.status_code for answer in answers] == [200, 200, 429]


@pytest.mark.django_db
def test_clients_behind_our_proxy_have_an_allowance_each(settings, voices) -> None:
    settings.ANONYMOUS_READ_LIMIT = 1
    settings.TRUSTED_PROXIES = 1
    answers = [
        Client().get("/api/v1/voices", headers={"X-Forwarded-For": address})
        for address in ("203.0.113.1", "203.0.113.2", "203.0.113.1")
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 429]


@pytest.mark.django_db
def test_a_request_leaves_one_line_without_its_query(access_lines) -> None:
    job_id = uuid.uuid4()
    answer = Client().get(f"/api/v1/tts/{job_id}?note=Txmarker")
    [line] = access_lines()
    assert line.pop("duration_ms") >= 0
    assert line == {"method": "GET", "path": f"/api/v1/tts/{job_id}", "status": 401, "client": "127.0.0.1"}
    assert answer.status_code == 401


def test_a_free_text_in_a_path_is_not_in_the_line(access_lines) -> None:
    Client().get("/audio/ab/Txmarker.mp3?expires=1&signature=2")
    assert [line["path"] for line in access_lines()] == ["/audio/<path:key>"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("/invitations/Txmarker", "/invitations/<str:token>"),
        ("/invitations/Txmarker/", "/invitations/…"),  # no such page
        ("/confirm-email/Txmarker", "/confirm-email/<str:key>"),
        ("/reset-password/abc-Txmarker", "/^reset-password/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>[^/]+)$"),
        ("/reset-password/abc-Txmarker/x", "/reset-password/…"),
        (f"/stream/{uuid.UUID(int=1)}/Txmarker", "/stream/<uuid:job_id>/<str:token>"),
        ("/stream/1/Txmarker", "/stream/…"),
        ("/Txmarker-is-the-first/part", "/Txmarker-is-the-first/…"),
    ],
)
def test_the_secret_of_a_mailed_link_is_not_in_the_line(access_lines, path: str, line: str) -> None:
    Client().get(path)
    assert [entry["path"] for entry in access_lines()] == [line]


def test_a_probe_leaves_no_line(access_lines) -> None:
    before = count_of("healthz", 200)
    assert Client().get("/healthz").status_code == 200
    assert access_lines() == []
    assert count_of("healthz", 200) == before + 1


def test_without_access_log_there_is_no_line(settings, access_lines) -> None:
    settings.ACCESS_LOG = False
    Client().get("/nowhere")
    assert access_lines() == []


async def _get(path: str) -> int:
    response = await AsyncClient().get(path)
    return response.status_code


def test_under_asgi_there_is_one_line_too(access_lines) -> None:
    assert async_to_sync(_get)("/nowhere") == 404
    assert [(line["path"], line["status"]) for line in access_lines()] == [("/nowhere", 404)]


def test_requests_are_counted_by_route_and_not_by_path() -> None:
    before = count_of("audio/<path:key>", 403), count_of("(none)", 404)
    for number in range(3):
        Client().get(f"/audio/{number}.mp3")
        Client().get(f"/nowhere/{number}")
    assert (count_of("audio/<path:key>", 403), count_of("(none)", 404)) == (before[0] + 3, before[1] + 3)
