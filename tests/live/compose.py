"""`compose.yaml` without containers: its services of our image as processes, same commands, same environment.

What is tested is what is written there. Names of other containers are replaced by where the tests have those servers.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.run import ROOT, clean_environment
from tests.support.ports import free_port
from tests.support.processes import ends_with_parent
from tests.support.waiting import wait_for

VARIABLE = re.compile(r"\$\{(\w+)(?::?([-?])((?:[^{}]|\$\{[^{}]*\})*))?\}")
IMAGE = "utterance"
START_SECONDS = 90.0


def load_compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return loaded


def interpolate(text: object, variables: Mapping[str, str]) -> str:
    """`${NAME}`, `${NAME:-default}`, `${NAME-default}`, `${NAME:?}` as compose fills them in."""

    def fill(match: re.Match[str]) -> str:
        name, operator, default = match[1], match[2], match[3] or ""
        if variables.get(name):
            return variables[name]
        if operator == "?":
            raise KeyError(f"{name} has to be set in .env")
        return interpolate(default, variables) if operator == "-" else ""

    return VARIABLE.sub(fill, str(text))


def our_services(compose: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: service for name, service in compose["services"].items() if service.get("image") == IMAGE}


@dataclass
class Container:
    """A service of compose as a process."""

    name: str
    command: list[str]
    environment: dict[str, str]
    log: Path
    python: str = sys.executable
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace")

    @property
    def is_web(self) -> bool:
        return self.command[1].startswith("web-")

    def start(self) -> None:
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [self.python, "manage.py", *self.command],
                cwd=ROOT,
                env={**self.environment, "PORT": str(self.port)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=ends_with_parent(signal.SIGTERM),
            )

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz").status_code == 200
        except httpx.TransportError:
            return False


class Deployment:
    """All of compose's services that run our image, and a command line in the same environment."""

    def __init__(
        self, folder: Path, variables: Mapping[str, str], replaced: Mapping[str, str], *, python: str = sys.executable
    ) -> None:
        self.folder = folder
        self.python = python
        base = clean_environment() | {"LISTEN_HOST": "127.0.0.1", "PYTHONUNBUFFERED": "1"}
        self.containers: dict[str, Container] = {}
        self.written: dict[str, str] = {}  # what compose.yaml itself says for `api`
        for name, service in our_services(load_compose()).items():
            if interpolate(service.get("deploy", {}).get("replicas", 1), variables) == "0":
                continue
            written = {key: interpolate(value, variables) for key, value in service["environment"].items()}
            environment = base | dict(variables) | written | dict(replaced)
            self.written = written if name == "api" else self.written
            self.containers[name] = Container(name, service["command"], environment, folder / f"{name}.log", python)
        self.environment = self.containers["migrate"].environment

    def start(self) -> None:
        """As compose orders it: `migrate` comes to its end first."""
        migrate = self.containers["migrate"]
        migrate.start()
        assert migrate.process is not None
        assert migrate.process.wait(START_SECONDS) == 0, migrate.output
        for container in self.running():
            container.start()
        for container in self.running():
            if container.is_web:
                wait_for(container.answers, f"{container.name} to answer", seconds=START_SECONDS)

    def running(self) -> list[Container]:
        return [container for name, container in self.containers.items() if name != "migrate"]

    def manage(self, *arguments: str) -> str:
        done = subprocess.run(
            [self.python, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def end(self, *, seconds: float) -> dict[str, int | None]:
        """SIGTERM to all at once; the exit status of each, None for one that had to be killed after `seconds`."""
        processes = {container.name: container.process for container in self.running() if container.process is not None}
        for process in processes.values():
            process.terminate()
        deadline = time.monotonic() + seconds
        for process in processes.values():
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                continue
        statuses = {name: process.poll() for name, process in processes.items()}
        self.kill()
        return statuses

    def kill(self) -> None:
        for container in self.containers.values():
            if container.process is not None and container.process.poll() is None:
                os.killpg(container.process.pid, signal.SIGKILL)
                container.process.wait()

    @property
    def output(self) -> str:
        return "".join(container.output for container in self.containers.values())
