"""The real service under the umask of a login shell: no other user of the machine can read a file that it makes."""

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.live.service import Caller, Service, settings_of_services
from tests.support.waiting import wait_for

OWNER = "alice@acme.example"

pytestmark = pytest.mark.skipif(bool(settings_of_services()), reason="DATABASE_URL is set: the data is elsewhere")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    # With samples, and every queue of messages in use.
    settings = {"SAMPLE_ENGINES": "espeak", "SPEECH_ENGINES": "espeak"}
    service = Service(tmp_path_factory.mktemp("plain"), settings=settings, umask=0o022)
    try:
        service.start()
        yield service
    finally:
        service.kill_everything()


def open_to_others(folder: Path) -> dict[str, str]:
    """Every file and folder in it, and itself, that group or others have any access to."""
    found = {}
    for path in [folder, *folder.rglob("*")]:
        try:
            mode = path.lstat().st_mode
        except FileNotFoundError:  # a message that was taken meanwhile
            continue
        if mode & 0o077:
            found[str(path.relative_to(folder))] = oct(mode & 0o7777)
    return found


def ask_for_export(service: Service, password: str) -> None:
    with httpx.Client(base_url=service.url) as http:

        def post(path: str, data: dict[str, str]) -> None:
            found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', http.get(path).text)
            assert found is not None
            assert http.post(path, data=data | {"csrfmiddlewaretoken": found[1]}).status_code == 302

        post("/sign-in", {"login": OWNER, "password": password})
        post("/settings/data", {})


def test_nothing_that_the_service_makes_is_open_to_others(plain: Service):
    made = plain.manage_json("create_account", OWNER, "--plan", "enterprise", "--credits", "1000", "--key")
    caller = Caller(plain, made["api_key"])
    with caller.http:
        with caller.job_midway() as long_job:  # its spool file is there
            assert open_to_others(plain.data_dir) == {}
        caller.wait_until_completed(caller.submit())
        caller.wait_until_completed(long_job, seconds=90)
    ask_for_export(plain, made["password"])
    audio = plain.data_dir / "audio"
    wait_for(lambda: any(audio.rglob("*.zip")), "the export", seconds=60)
    wait_for(lambda: any((plain.data_dir / "mail").glob("*")), "the mail about it")
    wait_for(lambda: any((audio / "samples").rglob("*.mp3")), "a sample", seconds=60)
    assert {"audio", "db.sqlite3", "exports", "mail", "queue", "secret_key", "spool", "static", "webhook_key"} <= {
        path.name for path in plain.data_dir.iterdir()
    }
    assert open_to_others(plain.data_dir) == {}
    # Beside DATA_DIR: temporary files, and whatever a library keeps in the home folder.
    assert {name for name in open_to_others(plain.home) if name != "."} == set()


def test_an_older_installation_is_closed_when_it_starts(plain: Service):
    plain.send(signal.SIGTERM)
    plain.wait_for_end()
    for path in [plain.data_dir, *plain.data_dir.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    plain.start()
    assert f"{plain.data_dir} was open to other users of this machine (mode 0755)" in plain.output
    assert plain.output.count("was open to other users") == 1
    assert plain.data_dir.stat().st_mode & 0o777 == 0o700
    assert {path.name for path in plain.data_dir.iterdir() if path.stat().st_mode & 0o077} == set()
