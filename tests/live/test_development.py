"""`make dev`: changed code and templates take effect, errors are shown in full, and Ctrl-C leaves no process."""

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from operations import health
from tests.live.service import STOP_SECONDS, Caller, Service
from tests.run import ROOT
from tests.support.waiting import slowdown, wait_for

RESTART_SECONDS = 60.0  # to give up
NOT_COPIED = shutil.ignore_patterns(".*", "var", "tests", "__pycache__", "node_modules")
VIEW = str(Path(health.__file__).relative_to(ROOT))
WORKER_CODE = "tts/tasks.py"
ERROR = 'ValueError: the text was "Hello"'  # a message that the log of a service in use withholds


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A development server over a copy of the code, which a test may change."""
    folder = tmp_path_factory.mktemp("development")
    root = folder / "code"
    shutil.copytree(ROOT, root, ignore=NOT_COPIED)
    program = ("manage.py", "serve", "--reload")
    service = Service(folder, settings={"DEBUG": "1", "ACCESS_LOG": "1"}, program=program, root=root)
    try:
        yield service
    finally:
        service.kill_everything()


@pytest.fixture
def service(installation: Service) -> Service:
    """It runs when the test begins, and restarts on change."""
    if not installation.is_running:
        installation.start()
    wait_for(lambda: "Code and templates are reloaded" in installation.output, "the start", seconds=RESTART_SECONDS)
    return installation


def change(service: Service, name: str, before: str, after: str) -> None:
    """Edits a file, and waits until new processes have taken the place of the old ones."""
    old = service.child("granian")
    assert old is not None
    path = service.root / name
    text = path.read_text()
    assert text.count(before) == 1
    path.write_text(text.replace(before, after))
    wait_for(lambda: not old.is_running, "the end of the old processes", seconds=RESTART_SECONDS)
    wait_for(service.answers, "the new web process", seconds=RESTART_SECONDS)


def test_changed_code_and_templates_take_effect_and_ctrl_c_ends_all(service: Service) -> None:
    change(service, VIEW, 'HttpResponse("ok\\n"', 'HttpResponse("changed\\n"')
    assert httpx.get(f"{service.url}/healthz").text == "changed\n"
    change(service, "templates/base.html", "</body>", "<!-- changed --></body>")
    assert "<!-- changed -->" in httpx.get(service.url, timeout=RESTART_SECONDS).text
    assert f"{VIEW} changed; restarting" in service.output
    assert "templates/base.html changed; restarting" in service.output

    service.send(signal.SIGINT)
    assert service.wait_for_end() < STOP_SECONDS * slowdown()
    assert service.process.returncode == 0
    assert service.processes() == []


@pytest.fixture
def caller(service: Service) -> Iterator[Caller]:
    made = service.manage_json("create_account", "dev@acme.example", "--plan", "payg", "--credits", "1", "--key")
    caller = Caller(service, made["api_key"])
    with caller.http:
        yield caller


def test_errors_are_shown_in_full_and_code_that_does_not_load_is_no_end(service: Service, caller: Caller) -> None:
    line = "def speak_next(queue: str) -> None:\n"
    broken = line + "    raise ValueError('the text was \"Hello\"')\n"
    change(service, WORKER_CODE, line, broken)
    job_id = caller.submit("Hello")
    wait_for(lambda: ERROR in service.output, "the error of the worker", seconds=RESTART_SECONDS)
    assert "Traceback (most recent call last)" in service.output
    assert "withheld" not in service.output

    change(service, WORKER_CODE, broken, "this is no Python\n")
    wait_for(lambda: "SyntaxError" in service.output, "the failed start", seconds=RESTART_SECONDS)
    change(service, WORKER_CODE, "this is no Python\n", line)
    caller.wait_until_completed(job_id, seconds=RESTART_SECONDS)
