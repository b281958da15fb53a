"""Processes that tests start, find and count: nothing of ours may outlive its test."""

import ctypes
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL, Signals

PR_SET_PDEATHSIG = 1  # linux/prctl.h
STAT_STATE, STAT_PARENT, STAT_START = 0, 1, 19  # fields of /proc/PID/stat, counted after the command's name


@dataclass(frozen=True, slots=True)
class Process:
    """One process for good: its number may be given out again, together with its start it never is."""

    pid: int
    start_ticks: int

    @property
    def is_running(self) -> bool:
        fields = _stat(self.pid)
        return fields is not None and int(fields[STAT_START]) == self.start_ticks and fields[STAT_STATE] != "Z"

    @property
    def command(self) -> str:
        return _read(self.pid, "cmdline").replace("\0", " ").strip()

    def kill(self) -> None:
        self.signal(SIGKILL)

    def signal(self, number: Signals) -> None:
        if self.is_running:
            os.kill(self.pid, number)


def descendants(pid: int) -> list[Process]:
    """Children, their children and so on, nearest first."""
    children: dict[int, list[Process]] = {}
    for other in _pids():
        if (fields := _stat(other)) is not None:
            process = Process(other, int(fields[STAT_START]))
            children.setdefault(int(fields[STAT_PARENT]), []).append(process)
    found: list[Process] = []
    parents = [pid]
    while parents:
        generation = [child for parent in parents for child in children.get(parent, [])]
        found += generation
        parents = [process.pid for process in generation]
    return found


def processes_with(text: str) -> list[Process]:
    """Those with `text`, such as a folder's path, in their command or their environment; never ourselves."""
    return [
        Process(pid, int(fields[STAT_START]))
        for pid in _pids()
        if pid != os.getpid()
        and (text in _read(pid, "environ") or text in _read(pid, "cmdline"))
        and (fields := _stat(pid)) is not None
        and fields[STAT_STATE] != "Z"
    ]


def ends_with_parent(number: Signals) -> Callable[[], None]:
    """For Popen's `preexec_fn`: on Linux the program gets this signal when we die, even by kill -9."""

    def ask_kernel() -> None:
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)

    return ask_kernel


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]


def _read(pid: int, name: str) -> str:
    try:
        return Path("/proc", str(pid), name).read_text(errors="replace")
    except OSError:  # it ended just now, or belongs to somebody else
        return ""


def _stat(pid: int) -> list[str] | None:
    # The command's name stands in parentheses and may hold anything, parentheses too.
    return _read(pid, "stat").rpartition(")")[2].split() or None
