"""Children crash, hang, lie and are abandoned: one request fails for it, and no other notices."""

import hashlib
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from speech.engines.base import EngineUnavailable, TransientEngineError
from speech.engines.espeak import EspeakEngine
from tests.support.engines import (
    ANNIE,
    LEE,
    SENTENCES,
    SHORT_SENTENCES,
    child_pids,
    segment,
    speak,
    wait_until_ended,
    write_child,
)

REPOSITORY = Path(__file__).parents[2]
# Far more than the socket holds: the child is still writing after the first chunk was read.
LONG_TEXT = (SENTENCES + " ") * 20


@pytest.fixture
def make_engine(tmp_path: Path) -> Iterator[Callable[..., EspeakEngine]]:
    """Engines whose children fail on demand."""
    made: list[EspeakEngine] = []

    def make(*, silence_timeout_s: float = 10.0) -> EspeakEngine:
        program = write_child(tmp_path / "child.py")
        made.append(EspeakEngine(program=program, silence_timeout_s=silence_timeout_s))
        return made[-1]

    yield make
    for engine in made:
        engine.close()


@pytest.fixture
def engine(make_engine: Callable[..., EspeakEngine]) -> EspeakEngine:
    return make_engine()


def test_eight_threads_say_what_one_would(engine: EspeakEngine) -> None:
    requests = [(f"Number {number}. {SENTENCES}", ANNIE if number % 2 else LEE) for number in range(8)]
    alone = [speak(engine, text, voice=voice, speed=1.3) for text, voice in requests]
    barrier = threading.Barrier(8)

    def say(request: tuple[str, str]) -> bytes:
        barrier.wait()
        return speak(engine, request[0], voice=request[1], speed=1.3)

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(say, requests)) == alone
    assert len(set(alone)) == 8


def test_a_child_serves_one_request_after_the_other(engine: EspeakEngine) -> None:
    before = child_pids(os.getpid())
    engine.warm_up()
    (first,) = child_pids(os.getpid()) - before
    for _ in range(3):
        speak(engine, "Hello.")
        assert child_pids(os.getpid()) - before == {first}
    engine.close()
    assert child_pids(os.getpid()) == before


@pytest.mark.parametrize("fault", ["SEGFAULT", "ABORT", "GARBLE", "CUT", "ODD", "REFUSE"])
def test_a_fault_is_transient_and_spares_the_speech_beside_it(
    engine: EspeakEngine, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    expected = speak(engine, LONG_TEXT)
    beside = engine.speak(segment(LONG_TEXT))
    spoken = next(beside)
    with caplog.at_level(logging.WARNING), pytest.raises(TransientEngineError) as raised:
        speak(engine, f"{fault} private words")
    assert str(raised.value).startswith("The speech engine ")
    assert "vendor" not in str(raised.value)
    assert "private" not in caplog.text  # customers' text is not for logs
    assert len(caplog.records) == 1
    assert spoken + b"".join(beside) == expected
    assert speak(engine, LONG_TEXT) == expected


def test_the_log_names_the_signal_that_ended_a_child(engine: EspeakEngine, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(TransientEngineError):
        speak(engine, "SEGFAULT")
    assert f"exit status {-signal.SIGSEGV}" in caplog.text


def test_a_silent_child_is_given_up_and_killed(make_engine: Callable[..., EspeakEngine]) -> None:
    engine = make_engine(silence_timeout_s=0.5)
    before = child_pids(os.getpid())
    hanging = engine.speak(segment("HANG"))
    assert next(hanging) == bytes(2)
    with pytest.raises(TransientEngineError, match="stopped unexpectedly"):
        next(hanging)
    assert child_pids(os.getpid()) == before
    assert speak(engine, "Hello.")


def test_a_slow_reader_is_no_silent_child(make_engine: Callable[..., EspeakEngine]) -> None:
    engine = make_engine(silence_timeout_s=0.5)
    expected = speak(engine, LONG_TEXT)
    reading = engine.speak(segment(LONG_TEXT))
    spoken = next(reading)
    with pytest.raises(TransientEngineError):  # takes longer than the timeout, meanwhile nobody reads
        speak(engine, "HANG")
    assert spoken + b"".join(reading) == expected


@pytest.mark.parametrize("speed", [1.0, 2.0])
def test_closing_early_ends_the_work_and_harms_nobody(engine: EspeakEngine, speed: float) -> None:
    before = child_pids(os.getpid())
    expected = speak(engine, SHORT_SENTENCES, speed=speed)
    for _ in range(3):
        abandoned = engine.speak(segment(LONG_TEXT, speed=speed))
        next(abandoned)
        (busy,) = child_pids(os.getpid()) - before
        abandoned.close()
        assert busy not in child_pids(os.getpid())
        assert speak(engine, SHORT_SENTENCES, speed=speed) == expected


def test_closing_the_engine_fails_what_is_under_way(engine: EspeakEngine) -> None:
    before = child_pids(os.getpid())
    speaking = engine.speak(segment(LONG_TEXT))
    next(speaking)
    engine.close()
    with pytest.raises(TransientEngineError):
        list(speaking)
    assert child_pids(os.getpid()) == before


def test_a_child_that_died_at_rest_is_replaced(engine: EspeakEngine) -> None:
    before = child_pids(os.getpid())
    expected = speak(engine, SENTENCES)
    (resting,) = child_pids(os.getpid()) - before
    pidfd = os.pidfd_open(resting)
    os.kill(resting, signal.SIGKILL)
    assert wait_until_ended(pidfd)
    assert speak(engine, SENTENCES) == expected


def test_a_child_is_out_of_reach_of_the_terminal_and_of_stop_signals(engine: EspeakEngine) -> None:
    before = child_pids(os.getpid())
    speaking = engine.speak(segment(LONG_TEXT))
    spoken = next(speaking)
    (child,) = child_pids(os.getpid()) - before
    assert os.getsid(child) == child
    os.kill(child, signal.SIGINT)
    os.kill(child, signal.SIGTERM)
    spoken += b"".join(speaking)
    assert spoken == speak(engine, LONG_TEXT)
    assert child in child_pids(os.getpid())


def test_a_child_gets_none_of_the_services_secrets(engine: EspeakEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "for the service alone")
    before = child_pids(os.getpid())
    engine.warm_up()
    (child,) = child_pids(os.getpid()) - before
    assert Path(f"/proc/{child}/environ").read_bytes() == b"LC_ALL=C.UTF-8\x00"
    # Its one socket, several times over: no file and no connection of the service.
    targets = [str(link.readlink()) for link in Path(f"/proc/{child}/fd").iterdir()]
    assert all(target.startswith("socket:") or target == "/dev/null" for target in targets)
    assert len({target for target in targets if target.startswith("socket:")}) == 1


def test_a_forked_worker_gets_children_of_its_own(engine: EspeakEngine) -> None:
    expected = hashlib.sha256(speak(engine, LONG_TEXT)).digest()
    speaking = engine.speak(segment(LONG_TEXT))  # under way during the fork
    spoken = next(speaking)
    reader, writer = os.pipe()
    worker = os.fork()
    if worker == 0:
        try:
            speaking.close()  # this copy must not end the parent's child
            os.write(writer, hashlib.sha256(speak(engine, LONG_TEXT)).digest())
            engine.close()
        finally:
            os._exit(0)
    os.close(writer)
    spoken += b"".join(speaking)
    with os.fdopen(reader, "rb") as pipe:
        assert pipe.read() == expected
    os.waitpid(worker, 0)
    assert hashlib.sha256(spoken).digest() == expected


WORKER = """
import os
import sys
from pathlib import Path
from speech.engines.base import Segment
from speech.engines.espeak import EspeakEngine
engine = EspeakEngine(program=Path(sys.argv[1]))
engine.warm_up()
if sys.argv[2]:
    speaking = engine.speak(Segment(text=sys.argv[2], engine_voice="gmw/en+Lee", language="en-GB"))
    next(speaking)
if sys.argv[3:] == ["fork"] and os.fork() == 0:
    sys.stdin.read()
    os._exit(0)
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("text", ["", LONG_TEXT, "HANG"], ids=["at rest", "at work", "hanging"])
def test_no_child_outlives_a_worker_that_was_killed(tmp_path: Path, text: str) -> None:
    program = write_child(tmp_path / "child.py")
    with subprocess.Popen(
        [sys.executable, "-c", WORKER, program, text],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"ready\n"
        (child,) = child_pids(worker.pid)
        pidfd = os.pidfd_open(child)
        worker.kill()
    assert wait_until_ended(pidfd)


def test_no_child_outlives_its_worker_for_the_sake_of_a_forked_one(tmp_path: Path) -> None:
    program = write_child(tmp_path / "child.py")
    with subprocess.Popen(
        [sys.executable, "-c", WORKER, program, "", "fork"],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"ready\n"
        (child,) = {pid for pid in child_pids(worker.pid) if os.getsid(pid) == pid}
        (forked,) = child_pids(worker.pid) - {child}
        pidfd, forked_pidfd = os.pidfd_open(child), os.pidfd_open(forked)
        worker.kill()
        assert wait_until_ended(pidfd)  # the forked one still waits for its input to end
    assert wait_until_ended(forked_pidfd)


def test_a_library_that_does_not_load_makes_the_engine_unavailable(tmp_path: Path) -> None:
    program = write_child(tmp_path / "child.py", library=repr(str(tmp_path / "missing.so")))
    engine = EspeakEngine(program=program)
    assert engine.unavailable_reason() == "The eSpeak NG library could not be loaded."
    with pytest.raises(EngineUnavailable, match="could not be loaded"):
        speak(engine, "Hello.")
    assert len(engine.voices()) == 272  # the catalogue keeps them, marked unavailable

    write_child(program)
    assert engine.unavailable_reason() == ""
    assert speak(engine, "Hello.")
    engine.close()


def test_a_program_that_is_missing_or_says_nothing_makes_the_engine_unavailable(tmp_path: Path) -> None:
    before = child_pids(os.getpid())
    assert EspeakEngine(program=tmp_path / "missing.py").unavailable_reason() == (
        "The eSpeak NG process is not responding."
    )
    mute = tmp_path / "mute.py"
    mute.write_text("import signal; signal.pause()")
    assert EspeakEngine(program=mute, silence_timeout_s=0.3).unavailable_reason() == (
        "The eSpeak NG process is not responding."
    )
    with pytest.raises(EngineUnavailable):
        EspeakEngine(program=mute, silence_timeout_s=0.3).warm_up()
    assert child_pids(os.getpid()) == before
