"""DATA_DIR and what is in it are for the user of the service alone: new files, and those of an older installation."""

import logging
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from config.private_files import close_to_others
from tests.run import ROOT, clean_environment

AUDIO_FILES = 10_000
LIMIT_SECONDS = 0.05
NOBODY = 65534

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to somebody else")


def mode(path: Path) -> int:
    return path.lstat().st_mode & 0o7777


def open_to_others(folder: Path) -> dict[str, str]:
    """Every file and folder in it, and itself, that group or others have any access to."""
    return {str(path): oct(mode(path)) for path in [folder, *folder.rglob("*")] if mode(path) & 0o077}


@pytest.fixture
def umask() -> Iterator[None]:
    """As a login shell sets it, and as older installations ran."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def old(tmp_path: Path, umask: None) -> Path:
    """An installation that an older version made."""
    folder = tmp_path / "data"
    for name in ("audio/ab", "queue", "spool", "mail", "static/css", "exports"):
        (folder / name).mkdir(parents=True)
    for name in ("db.sqlite3", "db.sqlite3-wal", "db.sqlite3-shm", "audio/ab/1.mp3", "mail/1.log", "static/css/a.css"):
        (folder / name).write_text("private")
    (folder / "secret_key").touch(0o600)
    assert mode(folder) == 0o755
    assert mode(folder / "db.sqlite3") == 0o644
    return folder


# --- an older installation -----------------------------------------------------------------------


def test_what_an_older_version_made_is_closed(old: Path, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.INFO, "config.private_files"):
        close_to_others(old)
    assert {path.name: mode(path) for path in [old, *old.iterdir()] if path.is_dir()} == dict.fromkeys(
        ("data", "audio", "queue", "spool", "mail", "static", "exports"), 0o700
    )
    assert {path.name: mode(path) for path in old.iterdir() if path.is_file()} == dict.fromkeys(
        ("db.sqlite3", "db.sqlite3-wal", "db.sqlite3-shm", "secret_key"), 0o600
    )
    assert caplog.messages == [f"{old} was open to other users of this machine (mode 0755) and is now closed to them"]
    caplog.clear()
    with caplog.at_level(logging.INFO, "config.private_files"):
        close_to_others(old)
    assert caplog.messages == []


@needs_root
def test_nobody_else_reads_a_file_of_an_older_installation(old: Path):
    for folder in (old.parent, *old.parent.parents[:-2]):  # which pytest made for root alone
        folder.chmod(0o755)
    reading = ["head", "-c", "1", str(old / "audio" / "ab" / "1.mp3")]
    assert subprocess.run(reading, user=NOBODY, group=NOBODY, extra_groups=[], check=False).returncode == 0
    close_to_others(old)
    assert subprocess.run(reading, user=NOBODY, group=NOBODY, extra_groups=[], check=False).returncode == 1


def test_ten_thousand_files_do_not_delay_a_start(old: Path):
    for number in range(AUDIO_FILES):
        (old / "audio" / "ab" / f"{number}.mp3").touch(0o644)
    began = time.process_time()
    close_to_others(old)
    assert time.process_time() - began < LIMIT_SECONDS
    assert mode(old / "audio") == 0o700


def test_several_processes_may_close_it_at_once(old: Path):
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(close_to_others, [old] * 64))
    assert {oct(mode(path)) for path in old.iterdir()} == {"0o600", "0o700"}


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path):
    close_to_others(tmp_path / "data")
    assert not (tmp_path / "data").exists()


# --- what is not ours to change ------------------------------------------------------------------


def test_links_are_not_followed_but_told_of(old: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    elsewhere = tmp_path / "big disk"
    (old / "audio").rename(elsewhere)
    (old / "audio").symlink_to(elsewhere)
    (old / "webhook_key").symlink_to(tmp_path / "gone")
    close_to_others(old)
    assert mode(elsewhere) == 0o755
    assert mode(old) == 0o700
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [
        f"{old}/audio leads to {elsewhere}, which other users of this machine can read. "
        f"To close it: chmod 700 '{elsewhere}'"
    ]


def test_sockets_and_pipes_do_not_hold_it_up(old: Path):
    os.mkfifo(old / "db.sqlite3-pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(old / "db.sqlite3-socket"))
        close_to_others(old)
    assert mode(old / "db.sqlite3-pipe") & 0o077


def test_a_folder_with_other_things_in_it_stays_open(old: Path, caplog: pytest.LogCaptureFixture):
    (old / ".bashrc").touch()
    close_to_others(old)
    assert mode(old) == 0o755
    assert mode(old / "mail") == 0o755  # which may be the mail of a person
    assert mode(old / "db.sqlite3") == 0o600
    (warning,) = caplog.messages
    assert "(.bashrc)" in warning
    assert warning.endswith(f"chmod 700 {old}")


@pytest.mark.parametrize("chosen", [0o2750, 0o2755, 0o1777])
def test_access_that_somebody_chose_stays(old: Path, chosen: int, caplog: pytest.LogCaptureFixture):
    old.chmod(chosen)
    close_to_others(old)
    assert mode(old) == chosen
    assert mode(old / "db.sqlite3") == 0o644
    (warning,) = caplog.messages
    assert "access was granted to the group" in warning
    assert warning.endswith(f"chmod 700 {old}")


@needs_root
@pytest.mark.parametrize("chosen", [0o750, 0o770, 0o775])
def test_another_group_that_was_let_in_stays(old: Path, chosen: int, caplog: pytest.LogCaptureFixture):
    os.chown(old, -1, NOBODY)
    old.chmod(chosen)
    close_to_others(old)
    assert mode(old) == chosen
    assert len(caplog.messages) == 1


def test_a_new_folder_under_another_umask_was_chosen_by_nobody(old: Path):
    old.chmod(0o775)
    close_to_others(old)
    assert mode(old) == 0o700


@needs_root
def test_a_folder_of_somebody_else_stays_but_what_we_made_in_it_is_closed(old: Path, caplog: pytest.LogCaptureFixture):
    os.chown(old, NOBODY, NOBODY)
    os.chown(old / "queue", NOBODY, NOBODY)
    close_to_others(old)
    assert (mode(old), mode(old / "queue")) == (0o755, 0o755)
    assert (mode(old / "audio"), mode(old / "db.sqlite3")) == (0o700, 0o600)
    (warning,) = caplog.messages
    assert "belongs to nobody" in warning
    assert warning.endswith(f"To close it: chmod 700 {old}")


@needs_root
def test_the_advice_to_a_user_who_is_not_the_owner_needs_sudo(old: Path):
    for folder in (old.parent, *old.parent.parents[:-2]):
        folder.chmod(0o755)
    program = f"""
import os, pathlib
from config.private_files import close_to_others
os.setegid({NOBODY}); os.seteuid({NOBODY})
close_to_others(pathlib.Path({str(old)!r}))
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert f"sudo chown nobody {old} && sudo chmod 700 {old}" in done.stderr
    assert mode(old) == 0o755


# --- new files -----------------------------------------------------------------------------------


def manage(data_dir: Path, *arguments: str, program: Sequence[str] = ("manage.py",), **settings: str) -> str:
    environment = clean_environment() | {"DATA_DIR": str(data_dir)} | settings
    done = subprocess.run(
        [sys.executable, *program, *arguments], cwd=ROOT, env=environment, umask=0o022, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_command_that_runs_alone_leaves_nothing_open(tmp_path: Path):
    data_dir = tmp_path / "above" / "data"
    manage(data_dir, "migrate", "--verbosity", "0")
    manage(data_dir, "collectstatic", "--noinput", "--verbosity", "0")
    assert {path.name for path in data_dir.iterdir()} >= {"db.sqlite3", "secret_key", "static"}
    assert open_to_others(data_dir) == {}
    assert mode(data_dir.parent) == 0o755  # which is the operator's


def test_static_files_outside_are_for_everybody(tmp_path: Path):
    static = tmp_path / "www" / "static"
    program = (
        "import django; django.setup();"
        " from operations.one_machine.static_files import collect_static_files as c; print(c(), c())"
    )
    settings = {"STATIC_ROOT": str(static), "DJANGO_SETTINGS_MODULE": "config.settings"}
    assert manage(tmp_path / "data", program=("-c", program), **settings) == "True False\n"
    found = [static.parent, static, *static.rglob("*")]
    assert {path.suffix for path in found} >= {".gz", ".css", ".json", ""}
    assert {oct(mode(path)) for path in found if path.is_dir()} == {"0o755"}
    assert {oct(mode(path)) for path in found if path.is_file()} == {"0o644"}


@pytest.mark.parametrize(("inside", "expected"), [(True, (0o700, 0o600)), (False, (0o755, 0o644))])
def test_models_outside_may_be_read_by_others(tmp_path: Path, inside: bool, expected: tuple[int, int]):
    data_dir = tmp_path / "data"
    models = (data_dir if inside else tmp_path) / "models"
    program = """
import django; django.setup()
from django.conf import settings
from config.private_files import umask_for
from speech.engines.kokoro import files
with umask_for(files.model_dir(), data_dir=settings.DATA_DIR):
    files.model_dir().mkdir(parents=True); files.write_manifest(files.model_dir(), {})
(files.model_dir() / "after").touch()
"""
    settings = {"KOKORO_MODEL_DIR": str(models), "DJANGO_SETTINGS_MODULE": "config.settings"}
    manage(data_dir, program=("-c", program), **settings)
    assert (mode(models), mode(models / "installed.json")) == expected
    assert mode(models / "after") == 0o600


@needs_root
def test_what_root_leaves_in_the_folder_of_the_service_can_be_read_by_it(tmp_path: Path):
    data_dir = tmp_path / "data"
    data_dir.mkdir(mode=0o700)
    os.chown(data_dir, NOBODY, NOBODY)
    manage(data_dir, program=("-c", "import config.settings; open(config.settings.DATA_DIR / 'left', 'w')"))
    assert mode(data_dir / "left") == 0o644
    assert mode(data_dir) == 0o700
