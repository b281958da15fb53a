"""One machine's processes under one roof: started together, restarted when they die, stopped together.

Owns processes and signals, nothing of speech. Beyond one machine, systemd or a container runtime does this.
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

STOP_SECONDS = 4.0  # from SIGTERM to SIGKILL: everything is down within five seconds
LOOK_EVERY_SECONDS = 0.5
RESTART_DELAYS_SECONDS = (0.0, 1.0, 5.0, 15.0)
CALM_AFTER_SECONDS = 60.0  # a process that ran this long starts with no delay again

PR_SET_PDEATHSIG = 1  # linux/prctl.h


class Child:
    """A program that is to run as long as we do. `niceness`: how far it stands back, from 0 to 19 (nice(1)).

    `on_done`: for a program that comes to an end. It is called once when the program has exited with 0, which is then
    not started again.
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
        # A session of its own: Ctrl-C reaches us alone, and we stop our children in order.
        self._process = subprocess.Popen(
            self._arguments, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=self._prepare
        )
        self._started_at = time.monotonic()

    def start_afresh(self) -> None:
        """Starts at once, and forgets earlier deaths: the program may be a new one."""
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
        """In the child before it runs: on Linux it gets SIGTERM when we die, so a kill -9 leaves no strays behind."""
        os.nice(self._niceness)
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)

    def _kill_group(self) -> None:
        """The child and what it has started itself: a web worker that outlives its parent would go on answering."""
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)


class Supervisor:
    """Runs its children until SIGINT or SIGTERM. Use from the main thread."""

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
        """One more, while the others run."""
        self._children.append(child)
        child.start()

    def watch(self, *, changed_files: Callable[[], Sequence[str]] | None = None) -> None:
        """Returns when a signal asks to stop. Restarts every child when `changed_files` returns names."""
        while not self._stopping.wait(LOOK_EVERY_SECONDS):
            if changed_files is not None and (names := changed_files()):
                logger.info("%s changed; restarting", ", ".join(names))
                self._restart()
            self.restart_dead()

    def restart_dead(self) -> None:
        """One look at every child."""
        for child in tuple(self._children):  # the end of one may add another
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
