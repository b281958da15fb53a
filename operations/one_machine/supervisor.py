"""Supervises the processes of one machine: starts them together, restarts dead ones, stops them together.

Deals with processes and signals only. On more than one machine, systemd or a container runtime does this.
"""

import contextlib
import ctypes
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from types import FrameType

logger = logging.getLogger(__name__)

STOP_SECONDS = 4.0  # from SIGTERM to SIGKILL, so that everything has stopped within five seconds
LOOK_EVERY_SECONDS = 0.5
RESTART_DELAYS_SECONDS = (0.0, 1.0, 5.0, 15.0)
CALM_AFTER_SECONDS = 60.0  # a process that ran this long is restarted without delay

PR_SET_PDEATHSIG = 1  # linux/prctl.h


class Child:
    """A program that should run as long as the supervisor. `niceness` lowers its priority, from 0 to 19 (nice(1)).

    `on_done` is for a program that finishes: it is called once the program has exited with 0, which is then not
    restarted.
    """

    def __init__(
        self, name: str, arguments: Sequence[str], *, niceness: int = 0, on_done: Callable[[], None] | None = None
    ) -> None:
        self.name = name
        self._niceness = niceness
        self._on_done = on_done
        self._is_done = False
        self._arguments = list(arguments)
        self._deaths = 0
        self._due_at = 0.0
        self._started_at = 0.0
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        # In its own session, so that Ctrl-C only reaches the supervisor, which stops its children in order.
        self._process = subprocess.Popen(
            self._arguments, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=self._prepare
        )
        self._started_at = time.monotonic()

    def start_afresh(self) -> None:
        """Starts immediately and resets the restart delay: the program may have changed."""
        if self._is_done:
            return
        self._deaths = 0
        self._due_at = 0.0
        self.start()

    def restart_if_dead(self) -> None:
        assert self._process is not None
        now = time.monotonic()
        if self._is_done or self._process.poll() is None:
            return
        if self._on_done is not None and self._process.returncode == 0:
            self._is_done = True
            self._on_done()
            return
        if not self._due_at:
            self._kill_group()
            self._deaths = 0 if now - self._started_at > CALM_AFTER_SECONDS else self._deaths
            delay = RESTART_DELAYS_SECONDS[min(self._deaths, len(RESTART_DELAYS_SECONDS) - 1)]
            self._deaths += 1
            self._due_at = now + delay
            logger.error("%s exited with status %s; restarting", self.name, self._process.returncode)
        if now >= self._due_at:
            self._due_at = 0.0
            self.start()

    def ask_to_stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def wait_or_kill(self, deadline: float) -> None:
        """Waits until `deadline` (monotonic seconds), then kills the whole process group."""
        if self._process is None:
            return
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            logger.warning("%s did not stop in time; killing it", self.name)
        self._kill_group()
        self._process.wait()

    def _prepare(self) -> None:
        """Runs in the child before the program. On Linux, it gets SIGTERM when the supervisor dies, even by kill -9."""
        os.nice(self._niceness)
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)

    def _kill_group(self) -> None:
        """Kills the child and its own children: a web worker would outlive its parent and keep serving requests."""
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)


class Supervisor:
    """Runs its children until SIGINT or SIGTERM. Use it in the main thread."""

    def __init__(self, children: Sequence[Child]) -> None:
        self._children = list(children)
        self._stopping = threading.Event()

    @property
    def is_stopping(self) -> bool:
        return self._stopping.is_set()

    def start(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)
        for child in self._children:
            child.start()

    def add(self, child: Child) -> None:
        """Adds and starts a child while the others run."""
        self._children.append(child)
        child.start()

    def watch(self, *, changed_files: Callable[[], Sequence[str]] | None = None) -> None:
        """Returns after SIGINT or SIGTERM. Restarts every child when `changed_files` returns names."""
        while not self._stopping.wait(LOOK_EVERY_SECONDS):
            if changed_files is not None and (names := changed_files()):
                logger.info("%s changed; restarting", ", ".join(names))
                self._restart()
            self.restart_dead()

    def restart_dead(self) -> None:
        """Checks every child once."""
        for child in tuple(self._children):  # a child that finishes may add another one
            child.restart_if_dead()

    def stop(self) -> None:
        for child in self._children:
            child.ask_to_stop()
        deadline = time.monotonic() + STOP_SECONDS
        for child in self._children:
            child.wait_or_kill(deadline)

    def _restart(self) -> None:
        self.stop()
        if not self.is_stopping:
            for child in self._children:
                child.start_afresh()

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping.set()
