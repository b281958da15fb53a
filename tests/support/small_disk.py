"""A real file system of one megabyte, for tests of what happens when a disk is full."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, *, kibibytes: int = 1024) -> Iterator[Path]:
    """A tmpfs on `folder`. Skips the test where nobody may mount one."""
    folder.mkdir()
    size = f"size={kibibytes}k,mode=777"
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder)], capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"no small file system can be mounted here: {made.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path, *, leave_bytes: int = 0) -> Path:
    """Writes until nothing more fits, but for `leave_bytes`. The file that does it."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
        if leave_bytes:
            file.truncate(file.tell() - leave_bytes)
    return filler
