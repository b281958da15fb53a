"""Reports the progress of an installation to any process that can read the model folder.

The installer holds a lock on LOCK_FILE while it works, and writes STATE_FILE beside it. The lock ends with its process
in any case: a state of "installing" without the lock means that the installer was killed, and is read as failed.
"""

import fcntl
import json
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final, Literal

from speech.engines.kokoro.files import write_atomically

STATE_FILE: Final = "install.json"
LOCK_FILE: Final = ".install.lock"
INTERRUPTED: Final = "the installation was interrupted at {percent} %; run `make kokoro` to continue it"
RATE_SECONDS: Final = 10.0  # the rate is measured over this time
TELL_SECONDS: Final = 0.25  # minimum time between two reports
WRITE_SECONDS: Final = 0.5  # minimum time between two writes of the state

Status = Literal["installing", "failed", "installed"]


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of all files together.

    `bytes_per_second` is the recent rate; if nothing has arrived yet it is 0, and `seconds_left` is None. `step` says
    what is being done, such as "downloading voices with npm".
    """

    bytes_done: int
    bytes_total: int
    bytes_per_second: float
    seconds_left: float | None
    step: str

    @property
    def percent(self) -> int:
        """0 to 100, rounded down."""
        return 100 if self.bytes_done >= self.bytes_total else self.bytes_done * 100 // self.bytes_total


@dataclass(frozen=True, slots=True)
class InstallState:
    """The last installation in a folder. `reason` is for a failure, else "". `updated_at`: seconds since the epoch."""

    status: Status
    progress: Progress
    reason: str
    updated_at: float


def write_progress(folder: Path, status: Status, progress: Progress, *, reason: str = "") -> None:
    """Replaces the state atomically. Raises OSError."""
    state = InstallState(status, progress, reason, time.time())
    write_atomically(folder / STATE_FILE, json.dumps(asdict(state)).encode())


def read_progress(folder: Path) -> InstallState | None:
    """Returns the state, or None if there was no installation or the state cannot be read."""
    try:
        values = json.loads((folder / STATE_FILE).read_bytes())
        state = InstallState(**values | {"progress": Progress(**values["progress"])})
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    numbers = (state.progress.bytes_done, state.progress.bytes_total, state.progress.bytes_per_second)
    if not all(isinstance(number, int | float) for number in numbers):
        return None
    if state.status == "installing" and not is_installing(folder):
        reason = INTERRUPTED.format(percent=state.progress.percent)
        return InstallState("failed", state.progress, reason, state.updated_at)
    return state


def is_installing(folder: Path) -> bool:
    """Whether a process currently holds the lock of the folder."""
    try:
        descriptor = os.open(folder / LOCK_FILE, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)  # releases the lock if it was taken
    return False


@contextmanager
def install_lock(folder: Path, *, on_wait: Callable[[], None]) -> Iterator[None]:
    """Allows one installation in a folder at a time: the second waits for the first.

    `on_wait` is called once if it has to wait. Raises OSError if the folder is not writable.
    """
    descriptor = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@dataclass(slots=True)
class Meter:
    """Adds up the bytes and reports to `on_progress`: at most every TELL_SECONDS, and at each new step.

    `settled` are the bytes of finished files, `under_way` those of the current download, which may still be rejected.
    """

    bytes_total: int
    on_progress: Callable[[Progress], None]
    step: str = ""
    settled: int = 0
    under_way: int = 0
    _seen: deque[tuple[float, int]] = field(default_factory=deque)  # (when, bytes), over the last RATE_SECONDS
    _told_at: float = 0.0

    def start(self, step: str) -> None:
        self.step, self.under_way = step, 0
        self.tell()

    def update(self, under_way: int) -> None:
        """Sets the bytes of the current step."""
        self.under_way = under_way
        if time.monotonic() - self._told_at >= TELL_SECONDS:
            self.tell()

    def settle(self, size_bytes: int) -> None:
        """Moves bytes of the current step to the finished files."""
        self.settled += size_bytes
        self.update(max(0, self.under_way - size_bytes))

    def tell(self) -> None:
        self._told_at = time.monotonic()
        self.on_progress(self.progress())

    def progress(self) -> Progress:
        now, done = time.monotonic(), min(self.settled + self.under_way, self.bytes_total)
        self._seen.append((now, done))
        while now - self._seen[0][0] > RATE_SECONDS:
            self._seen.popleft()
        seconds, came = now - self._seen[0][0], done - self._seen[0][1]
        rate = max(0.0, came / seconds) if seconds else 0.0
        left = (self.bytes_total - done) / rate if rate else None
        return Progress(done, self.bytes_total, rate, left, self.step)
