"""PostgreSQL and Redis that a test stops, freezes and starts again: its own ones, on ports of their own."""

import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import redis

from tests.support.ports import free_port
from tests.support.processes import ends_with_parent
from tests.support.services import NoServices, _folder, _postgres_programs, _unprivileged_user
from tests.support.waiting import wait_for

STOP_SECONDS = 15.0


class Server:
    """A program with a port. `url` stays the same over its restarts."""

    def __init__(
        self, command: list[str], folder: Path, url: str, answers: Callable[[str], bool], **run_as: Any
    ) -> None:
        self.url = url
        self._command, self._folder, self._answers, self._run_as = command, folder, answers, run_as
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns once it answers."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, preexec_fn=ends_with_parent(signal.SIGINT), **self._run_as,
            )  # fmt: skip
        wait_for(lambda: self._answers(self.url), f"{self._command[0]} to answer", seconds=60)

    def stop(self) -> None:
        """At once, under everybody's feet; its port then refuses."""
        if self._process is not None:
            self.thaw()
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """It takes connections and says nothing more."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


@contextmanager
def restartable_redis(*, password: str = "") -> Iterator[Server]:
    """Raises NoServices."""
    program = shutil.which("redis-server")
    if program is None:
        raise NoServices("redis-server is not here. Install it (Debian: redis-server).")
    port = free_port()
    with _folder("redis") as folder:
        command = [program, "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
        command += ["--requirepass", password] if password else []
        login = f":{password}@" if password else ""
        yield from _served(Server(command, folder, f"redis://{login}127.0.0.1:{port}/0", _redis_answers))


@contextmanager
def restartable_postgres() -> Iterator[Server]:
    """Raises NoServices."""
    programs = _postgres_programs()
    owner = _unprivileged_user() if os.geteuid() == 0 else None
    run_as: dict[str, Any] = {}
    if owner is not None:
        run_as = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
    port, password = free_port(), secrets.token_urlsafe(24)
    with _folder("postgres", owner) as folder:
        password_file = folder / "password"
        password_file.write_text(password)
        password_file.chmod(0o644)  # in a folder that only its owner enters
        made = subprocess.run(
            [
                *(str(programs / "initdb"), "--pgdata", str(folder / "data"), "--username", "postgres"),
                *("--auth", "scram-sha-256", "--pwfile", str(password_file)),
                *("--encoding", "UTF8", "--locale", "C", "--no-sync"),
            ],
            cwd=folder, capture_output=True, text=True, **run_as,
        )  # fmt: skip
        if made.returncode:
            raise NoServices(f"initdb failed: {made.stderr.strip()}")
        command = [str(programs / "postgres"), "-D", str(folder / "data")]
        for setting in ("listen_addresses=127.0.0.1", f"port={port}", "unix_socket_directories=", "fsync=off"):
            command += ["-c", setting]
        url = f"postgres://postgres:{password}@127.0.0.1:{port}/postgres"
        yield from _served(Server(command, folder, url, _postgres_answers, **run_as))


def _served(server: Server) -> Iterator[Server]:
    try:
        server.start()
        yield server
    finally:
        server.stop()


def _redis_answers(url: str) -> bool:
    with redis.Redis.from_url(url) as client:
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False


def _postgres_answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True
