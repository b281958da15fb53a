"""Finds the source files that changed since the last check, for `serve --reload`, which then restarts the service.

Compares modification times: that works on every system, needs no package, and takes a few milliseconds for this tree.
"""

import os
from contextlib import suppress
from pathlib import Path

SUFFIXES = (".py", ".html", ".txt")  # code and templates; static files are read from disk for every request
# In addition to hidden folders. Tests are not part of the service.
SKIPPED_FOLDERS = {"__pycache__", "node_modules", "static", "tests"}


class SourceWatch:
    """Watches code and templates under `root`, except in `skipped` (such as the data folder)."""

    def __init__(self, root: Path, *, skipped: Path) -> None:
        self._root = root
        self._skipped = skipped
        self._seen = self._modified()

    def changed_files(self) -> list[str]:
        """Returns the paths, relative to the root, of files that were changed, added or removed since the last call."""
        before, self._seen = self._seen, self._modified()
        paths = {path for path, _ in before.items() ^ self._seen.items()}
        return sorted(os.path.relpath(path, self._root) for path in paths)

    def _modified(self) -> dict[str, int]:
        """Returns the modification time of each file, in nanoseconds."""
        found: dict[str, int] = {}
        for folder, folders, files in os.walk(self._root):
            folders[:] = [name for name in folders if self._is_watched(Path(folder, name))]
            for name in files:
                if name.endswith(SUFFIXES):
                    path = Path(folder, name)
                    with suppress(FileNotFoundError):  # removed since the folder was listed
                        found[str(path)] = path.stat().st_mtime_ns
        return found

    def _is_watched(self, folder: Path) -> bool:
        if folder.name.startswith(".") or folder.name in SKIPPED_FOLDERS or folder == self._skipped:
            return False
        return not (folder / "pyvenv.cfg").exists()  # a virtual environment, whatever its name
