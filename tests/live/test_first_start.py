"""What a newcomer sees: the first start, what it prints, what it leaves on the disk; and the second one."""

import os
import re
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.live.service import Service, settings_of_services
from tests.run import ROOT
from tests.support.audio import measure_audio
from tests.support.waiting import slowdown, wait_for

# Tools write their caches while the tests run.
CACHES = {".hypothesis", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".import_linter_cache", "__pycache__"}
NOT_OURS = {".git", ".venv", *CACHES}

only_on_one_machine = pytest.mark.skipif(
    bool(settings_of_services()), reason="DATABASE_URL is set: no demo account is made"
)


def files_of_the_project() -> set[Path]:
    found = set()
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in NOT_OURS]
        found |= {Path(folder, name) for name in files}
    return found


@pytest.fixture(scope="module")
def files_before() -> set[Path]:
    return files_of_the_project()


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory, files_before: set[Path]) -> Iterator[Service]:
    """A service that was started for the first time, and has introduced itself."""
    service = Service(tmp_path_factory.mktemp("newcomer"), settings={})
    try:
        service.start()
        wait_for(lambda: "Ctrl-C stops it" in service.output, "the introduction")
        yield service
    finally:
        service.kill_everything()


def printed(service: Service, label: str) -> str:
    found = re.search(rf"^ *{label} +(.+)$", service.output, re.MULTILINE)
    assert found is not None, service.output
    return found[1]


def printed_command(service: Service, part: str) -> str:
    [command] = [line.strip() for line in service.output.splitlines() if "curl " in line and part in line]
    return command


def run_in_shell(command: str, folder: Path) -> str:
    done = subprocess.run(["sh", "-c", command], cwd=folder, capture_output=True, text=True, timeout=30, check=True)
    return done.stdout


@only_on_one_machine
def test_the_first_start_prints_the_pages_address(newcomer: Service):
    url = printed(newcomer, "Utterance is at")
    assert url == newcomer.url
    page = httpx.get(url)
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")


@only_on_one_machine
def test_the_first_start_prints_a_sign_in_that_works(newcomer: Service):
    with httpx.Client(base_url=newcomer.url) as browser:
        page = browser.get("/sign-in").text
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
        assert token is not None
        form = {"login": printed(newcomer, "Sign in as"), "password": printed(newcomer, "Password")}
        refused = browser.post("/sign-in", data=form | {"csrfmiddlewaretoken": token[1], "password": "a guess"})
        accepted = browser.post("/sign-in", data=form | {"csrfmiddlewaretoken": token[1]})
        assert refused.status_code == 200
        assert (accepted.status_code, accepted.headers["Location"]) == (302, "/overview")
        assert browser.get("/overview").status_code == 200


@only_on_one_machine
def test_the_first_start_proves_itself_with_audio_of_the_length_it_says(newcomer: Service):
    found = re.fullmatch(r"(\S+) \(([\d.]+) s\)", printed(newcomer, "First audio"))
    assert found is not None
    path, seconds = Path(found[1]), float(found[2])
    assert newcomer.data_dir in path.parents
    audio = measure_audio(path)
    assert audio.duration_seconds == pytest.approx(seconds, abs=0.01)
    assert 2.0 < seconds < 8.0
    assert audio.rms_dbfs > -40


@only_on_one_machine
def test_the_printed_curl_command_saves_speech(newcomer: Service, tmp_path: Path):
    run_in_shell(printed_command(newcomer, "-d "), tmp_path)
    audio = measure_audio(tmp_path / "mine.mp3")
    assert 0.5 < audio.duration_seconds < 5
    assert audio.rms_dbfs > -40


@only_on_one_machine
def test_the_printed_download_command_fetches_the_first_audio(newcomer: Service, tmp_path: Path):
    run_in_shell(printed_command(newcomer, "-o hello.wav"), tmp_path)
    stored = Path(printed(newcomer, "First audio").split()[0])
    assert (tmp_path / "hello.wav").read_bytes() == stored.read_bytes()


@only_on_one_machine
def test_the_demo_account_is_enterprise_and_its_key_works(newcomer: Service):
    key = printed(newcomer, "API key")
    answer = httpx.get(f"{newcomer.url}/api/v1/tts", headers={"Authorization": f"Bearer {key}"})
    assert (answer.status_code, answer.headers["X-RateLimit-Limit"]) == (200, "120000")


@only_on_one_machine
def test_everything_it_writes_is_in_its_folder(newcomer: Service, files_before: set[Path]):
    assert list(newcomer.home.iterdir()) == []
    assert files_of_the_project() - files_before == set()
    assert {path.name for path in newcomer.data_dir.iterdir()} >= {"db.sqlite3", "secret_key", "audio", "static"}


@only_on_one_machine
def test_the_secret_key_is_for_its_owner_alone(newcomer: Service):
    secret_key = newcomer.data_dir / "secret_key"
    assert stat.S_IMODE(secret_key.stat().st_mode) == 0o600
    assert len(secret_key.read_text()) >= 50


@only_on_one_machine
def test_a_second_start_is_quick_and_shows_no_secret(newcomer: Service):
    key = printed(newcomer, "API key")
    newcomer.send(signal.SIGTERM)
    newcomer.wait_for_end()
    seconds = newcomer.start()
    assert seconds < 5 * slowdown()
    wait_for(lambda: "Ctrl-C stops it" in newcomer.output, "the second start to be done")
    assert newcomer.url in newcomer.output
    assert "tts_" not in newcomer.output
    assert "Password" not in newcomer.output
    answer = httpx.get(f"{newcomer.url}/api/v1/tts", headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 200
