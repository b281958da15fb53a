"""PostgreSQL and Redis for the tests: those that are given, else private ones that end with the run.

Owns what it starts and what it creates, and touches nothing else. On a PostgreSQL that is given, every database
carries the name of this run and is dropped after it. On a Redis that is given, only databases that hold nothing are
used, and they are emptied again; one with a single key in it is left alone.
"""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import redis
from psycopg import sql

from tests.support.ports import free_port
from tests.support.processes import ends_with_parent
from tests.support.waiting import wait_for

START_SECONDS = 30.0
STOP_SECONDS = 10.0
MAX_CONNECTIONS = 200  # test processes × (threads that race + the pools of the service under test)


class NoServices(Exception):
    """The tests cannot have what they need; the message says what to do."""


@contextmanager
def postgres(given_url: str) -> Iterator[tuple[str, str]]:
    """A server's URL, and the name that every database of this run begins with."""
    name = f"test_utterance_{secrets.token_hex(4)}"
    if not given_url:
        with _private_postgres() as url:
            yield url, name
        return
    try:
        _database_names(given_url, name)
    except psycopg.Error as error:
        raise NoServices(f"TEST_DATABASE_URL: {error}") from None
    try:
        yield given_url, name
    finally:
        for leftover in _database_names(given_url, name):
            drop_database(given_url, leftover)


@contextmanager
def redis_databases(given_url: str, *, count: int) -> Iterator[list[str]]:
    """URLs of `count` empty databases of one Redis."""
    if not given_url:
        with _private_redis(count) as url:
            yield [with_name(url, str(number)) for number in range(count)]
        return
    with redis.Redis.from_url(given_url) as client:
        try:
            total = int(client.config_get("databases")["databases"])
            used = {int(name.removeprefix("db")) for name in client.info("keyspace")}
        except redis.RedisError as error:
            raise NoServices(f"TEST_REDIS_URL: {error}") from None
    free = [with_name(given_url, str(number)) for number in range(total) if number not in used][-count:]
    if len(free) < count:
        raise NoServices(f"TEST_REDIS_URL: the tests need {count} empty databases on this Redis, it has {len(free)}.")
    try:
        yield free
    finally:
        for url in free:
            with redis.Redis.from_url(url) as client:
                client.flushdb()


@contextmanager
def rabbitmq_vhost() -> Iterator[str]:
    """The URL of an empty virtual host on this machine's RabbitMQ, deleted afterwards."""
    program = shutil.which("rabbitmqctl")
    if program is None:
        raise NoServices("rabbitmqctl is not here. Install RabbitMQ (Debian: rabbitmq-server), and start it.")
    name = f"test_utterance_{secrets.token_hex(4)}"
    user, password = name, secrets.token_urlsafe(24)
    commands = [
        ["add_vhost", name],
        ["add_user", user, password],
        ["set_permissions", "-p", name, user, ".*", ".*", ".*"],
    ]
    try:
        for command in commands:
            done = subprocess.run([program, "-q", *command], capture_output=True, text=True, timeout=START_SECONDS)
            if done.returncode:
                raise NoServices(f"rabbitmqctl {command[0]} failed: {done.stderr.strip()[:500]}")
        yield f"amqp://{user}:{password}@127.0.0.1:5672/{name}"
    finally:
        for command in (["delete_vhost", name], ["delete_user", user]):
            subprocess.run([program, "-q", *command], capture_output=True, timeout=START_SECONDS)


def with_name(url: str, name: str) -> str:
    """The same server, another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def create_database(server_url: str, name: str, *, template: str = "template1") -> str:
    """Its URL."""
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(statement)
    return with_name(server_url, name)


def drop_database(server_url: str, name: str) -> None:
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _database_names(server_url: str, prefix: str) -> list[str]:
    with psycopg.connect(server_url, autocommit=True) as connection:
        rows = connection.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [prefix])
        return [name for (name,) in rows]


# --- private servers -----------------------------------------------------------------------------


@contextmanager
def _private_postgres() -> Iterator[str]:
    programs = _postgres_programs()
    # PostgreSQL refuses to run as root, so that root runs it as somebody else.
    owner = _unprivileged_user() if os.geteuid() == 0 else None
    as_owner: dict[str, Any] = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []} if owner else {}
    password, port = secrets.token_urlsafe(24), free_port()
    with _folder("postgres", owner) as folder:
        password_file = folder / "password"
        password_file.touch(mode=0o600)
        password_file.write_text(password)
        if owner:
            os.chown(password_file, owner.pw_uid, owner.pw_gid)
        initdb = [
            *(str(programs / "initdb"), "--pgdata", str(folder / "data"), "--username", "postgres"),
            *("--auth", "scram-sha-256", "--pwfile", str(password_file)),
            *("--encoding", "UTF8", "--locale", "C", "--no-sync"),
        ]
        made = subprocess.run(initdb, cwd=folder, capture_output=True, text=True, **as_owner)
        if made.returncode:
            raise NoServices(f"initdb failed: {made.stderr.strip()}")
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(port),
            "unix_socket_directories": "",
            "max_connections": str(MAX_CONNECTIONS),
            "fsync": "off",  # nothing here outlives the run
            "synchronous_commit": "off",
            "full_page_writes": "off",
        }
        server = [str(programs / "postgres"), "-D", str(folder / "data")]
        server += [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        url = f"postgres://postgres:{password}@127.0.0.1:{port}/postgres"

        def answers() -> bool:
            try:
                psycopg.connect(url, connect_timeout=5).close()
            except psycopg.OperationalError:
                return False
            return True

        with _running(server, folder, answers, stop_signal=signal.SIGINT, **as_owner):
            yield url


@contextmanager
def _private_redis(databases: int) -> Iterator[str]:
    program = shutil.which("redis-server")
    if program is None:
        raise NoServices("redis-server is not here. Install it (Debian: redis-server), or set TEST_REDIS_URL.")
    password, port = secrets.token_urlsafe(24), free_port()
    with _folder("redis") as folder:
        settings = {
            "bind": "127.0.0.1",
            "port": str(port),
            "databases": str(databases),
            "requirepass": password,
            "save": '""',
            "appendonly": "no",
            "dir": str(folder),
        }
        configuration = folder / "redis.conf"
        configuration.touch(mode=0o600)
        configuration.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
        url = f"redis://:{password}@127.0.0.1:{port}/0"

        def answers() -> bool:
            with redis.Redis.from_url(url) as client:
                try:
                    return bool(client.ping())
                except redis.ConnectionError:
                    return False

        with _running([program, str(configuration)], folder, answers, stop_signal=signal.SIGTERM):
            yield url


@contextmanager
def _running(
    command: Sequence[str], folder: Path, answers: Callable[[], bool], *, stop_signal: signal.Signals, **as_owner: Any
) -> Iterator[None]:
    log = folder / "log"
    with log.open("wb") as output:
        # A session of its own: Ctrl-C must not take the server from under the tests that are being stopped.
        process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
            preexec_fn=ends_with_parent(stop_signal), **as_owner,
        )  # fmt: skip
    try:
        wait_for(lambda: process.poll() is not None or answers(), f"{command[0]} to answer", seconds=START_SECONDS)
        if process.poll() is not None:
            raise NoServices(f"{command[0]} did not start: {log.read_text(errors='replace')[-2000:]}")
        yield
    finally:
        process.send_signal(stop_signal)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def _folder(name: str, owner: pwd.struct_passwd | None = None) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix=f"utterance-{name}-", ignore_cleanup_errors=True) as folder:
        if owner is not None:
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        yield Path(folder)


def _postgres_programs() -> Path:
    """The folder of initdb and postgres, which Debian keeps out of PATH."""
    folders = [Path(found).resolve().parent for found in [shutil.which("initdb")] if found]
    if pg_config := shutil.which("pg_config"):
        asked = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True)
        folders.append(Path(asked.stdout.strip() or "/nonexistent"))
    versions = Path("/usr/lib/postgresql").glob("*/bin")
    folders += sorted(versions, key=lambda path: float(path.parent.name), reverse=True)
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise NoServices("PostgreSQL's server is not here. Install it (Debian: postgresql), or set TEST_DATABASE_URL.")


def _unprivileged_user() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise NoServices("PostgreSQL does not run as root. Run the tests as another user, or set TEST_DATABASE_URL.")
