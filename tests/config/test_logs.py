"""Log lines: their form, the fields of a request, and what stays out of them."""

import json
import logging
import re
import threading
from typing import Any

import pytest
from django.test import RequestFactory
from django.urls import resolve

from config import logs

KEY = "tts_0123456789abcdefghijABCDEFGHIJ123456"


def record_of(message: str, *args: object, error: BaseException | None = None, **extra: Any) -> logging.LogRecord:
    failure = (type(error), error, error.__traceback__) if error is not None else None
    record = logging.LogRecord("tts.test", logging.INFO, __file__, 1, message, args, failure)
    record.__dict__.update(extra)
    return record


def as_json(record: logging.LogRecord) -> dict[str, Any]:
    text = logs.JsonFormatter().format(record)
    assert "\n" not in text
    line: dict[str, Any] = json.loads(text)
    return line


def raised(error: BaseException) -> BaseException:
    private = "Txmarker in a local"  # noqa: F841
    try:
        raise error
    except BaseException as caught:
        return caught


def test_a_line_is_one_object_with_time_level_logger_and_event() -> None:
    record = record_of("job %s is\ndone", 7)
    record.created = 1767866400.25
    assert as_json(record) == {
        "time": "2026-01-08T10:00:00.250Z",
        "level": "INFO",
        "logger": "tts.test",
        "event": "job 7 is\ndone",
    }


def test_fields_of_the_context_and_of_the_line_are_in_it() -> None:
    with logs.context(request_id="r-1"):
        logs.bind(account_id=5)
        line = as_json(record_of("request", fields={"status": 200, "duration_ms": 1.5}))
    assert line["request_id"] == "r-1"
    assert line["account_id"] == "5"
    assert (line["status"], line["duration_ms"]) == (200, 1.5)


def test_a_context_ends_and_what_is_bound_outside_one_is_forgotten() -> None:
    with logs.context(request_id="r-1"):
        pass
    logs.bind(account_id=5)
    assert logs.bound() == {}


def test_a_context_inside_another_does_not_see_its_fields() -> None:
    with logs.context(request_id="r-1"):
        with logs.context(job_id="j-1"):
            assert logs.bound() == {"job_id": "j-1"}
        assert logs.bound() == {"request_id": "r-1"}


def test_a_line_about_a_request_that_ended_names_it() -> None:
    ended = RequestFactory().get("/audio/x?signature=abc")
    ended.request_id = "r-1"  # type: ignore[attr-defined]
    line = as_json(record_of("Service Unavailable: /", request=ended))
    assert line["request_id"] == "r-1"
    assert "signature" not in json.dumps(line)


@pytest.mark.parametrize("form", [logs.JsonFormatter, logs.LineFormatter])
def test_what_django_says_of_a_path_holds_no_secret_of_it(form: type[logging.Formatter]) -> None:
    request = RequestFactory().post("/invitations/Txmarker")
    for match in (None, resolve("/invitations/Txmarker")):
        request.resolver_match = match
        line = form().format(record_of("Forbidden (%s): %s", "CSRF cookie not set.", request.path, request=request))
        assert "Forbidden (CSRF cookie not set.): /invitations/" in line
        assert "Txmarker" not in line


def test_what_a_package_attached_stays_out() -> None:
    line = as_json(record_of("hello", request="<WSGIRequest: GET '/audio/x?signature=abc'>", status_code=500))
    assert set(line) == {"time", "level", "logger", "event"}


@pytest.mark.parametrize(
    ("text", "scrubbed"),
    [
        (f"GET /api/v1/{KEY}", "GET /api/v1/tts_…"),
        ("cannot connect to redis://:hunter2@redis:6379/0", "cannot connect to redis://:…@redis:6379/0"),
        ("amqp://user:hunter2@queue//", "amqp://user:…@queue//"),
        ("mail to alice.b+c@acme.example bounced", "mail to …@… bounced"),
        ("GET https://store/a.mp3?X-Amz-Signature=00ff&X-Amz-Expires=9", "GET https://store/a.mp3?X-Amz-Signature=…&X-Amz-Expires=9"),
        ("expires=9&signature=00ff", "expires=9&signature=…"),
        ("refused - https://x/?voice=a&text=Hello+there.: /", "refused - https://x/?voice=a&text=… /"),
        ("tts.tasks.sweep in tts_job", "tts.tasks.sweep in tts_job"),
        ("postgres://user:with/slash@db/name", "postgres://user:…@db/name"),
        ("alice@acme.example+bob@acme.example left", "…@… left"),
        ("?full-text=Hello&context=1", "?full-text=…&context=1"),
    ],
)  # fmt: skip
def test_secrets_in_words_of_others_are_scrubbed(text: str, scrubbed: str) -> None:
    assert as_json(record_of(text))["event"] == scrubbed
    assert scrubbed in logs.LineFormatter().format(record_of(text))


@pytest.mark.parametrize("form", [logs.JsonFormatter, logs.LineFormatter])
def test_a_long_text_is_cut_with_its_length(form: type[logging.Formatter]) -> None:
    line = form().format(record_of("a" * 60_000, fields={"path": "/" + "b" * 60_000, "status": 404}))
    assert "aaa… (60,000 characters)" in line
    assert re.search(r"bbb… \(60,00\d characters\)", line)
    assert "404" in line
    assert len(line) < 10_000


@pytest.mark.parametrize(
    "secret", [KEY, "redis://:hunter2hunter2@redis:6379", "alice@acme.example", "token=hunter2hunter2"]
)
@pytest.mark.parametrize("hidden", range(0, 40, 5))
def test_a_secret_that_the_cut_goes_through_is_not_in_the_log(secret: str, hidden: int) -> None:
    start = " " * (logs.MAX_TEXT_CHARS - hidden - 1) + " "
    line = as_json(record_of(f"{start}{secret} {'a' * 60_000}"))["event"]
    assert all(part not in line for part in ("0123456789", "hunter2", "alice"))


def test_many_secrets_before_the_cut_do_not_bring_half_a_secret_after_it_into_view() -> None:
    # Each replacement makes the text shorter, so that more of it fits.
    line = as_json(record_of("tts_0123456789abcdef " * 300 + "redis://:hunter2@redis"))["event"]
    assert "0123" not in line
    assert len(line) < logs.MAX_TEXT_CHARS


def test_the_message_of_a_failure_is_cut() -> None:
    line = as_json(record_of("no", error=raised(OSError("a" * 60_000))))
    assert line["error"]["message"] == "a" * logs.MAX_MESSAGE_CHARS + "… (60,000 characters)"


def test_a_failure_says_what_and_where_but_quotes_nobody(settings) -> None:
    settings.DEBUG = False
    error = raised(ValueError("invalid literal: 'Txmarker'"))
    line = as_json(record_of("it failed", error=error))
    assert line["error"]["type"] == "ValueError"
    assert line["error"]["message"] == "withheld: may contain customer data"
    assert line["error"]["at"][-1].startswith("tests/config/test_logs.py:")
    assert line["error"]["at"][-1].endswith(" raised")
    for formatter in (logs.JsonFormatter(), logs.LineFormatter()):
        assert "Txmarker" not in formatter.format(record_of("it failed", error=error))


def test_the_first_line_of_a_connection_failure_is_kept() -> None:
    line = as_json(record_of("no", error=raised(ConnectionRefusedError(111, "Connection refused\nDETAIL: Txmarker"))))
    assert line["error"]["message"] == "[Errno 111] Connection refused"


def test_the_cause_of_a_failure_is_told_with_it() -> None:
    try:
        try:
            raise KeyError("Txmarker")
        except KeyError as inner:
            raise OSError("disk") from inner
    except OSError as error:
        line = as_json(record_of("no", error=error))
    assert (line["error"]["type"], line["error"]["message"]) == ("OSError", "disk")
    assert line["error"]["because"]["type"] == "KeyError"
    assert "Txmarker" not in json.dumps(line)


def test_celery_names_the_task_and_not_its_failure() -> None:
    data = {"name": "tts.tasks.sweep", "description": "raised unexpected", "exc": "ValueError('Txmarker')"}
    record = record_of("Task %(name)s %(description)s: %(exc)s", data, data=data)
    record.name = "celery.app.trace"
    assert as_json(record)["event"] == "task tts.tasks.sweep raised unexpected"


def test_a_thread_that_dies_leaves_a_line(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "excepthook", logs._log_dead_thread)

    def fail() -> None:
        raise ValueError("Txmarker")

    thread = threading.Thread(target=fail, name="lease 7")
    thread.start()
    thread.join()
    assert [record.getMessage() for record in caplog.records if record.name == "config.logs"] == [
        "unhandled exception in thread lease 7"
    ]
