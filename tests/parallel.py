"""A plugin that `tests.run` loads before the settings are read: how the tests are shared out, and what is not shared.

The live tests that share one running service stay together in one process, and so do those of a module
that makes something costly for itself; all others go to whoever is free.
Each process has files and a Redis database of its own: a worker that a test starts would else be woken for a job of the
other process, and swallow the message.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

ON_THEIR_OWN = {
    "tests/config/test_urls.py",
    "tests/live/test_accessibility.py",
    "tests/live/test_buying.py",
    "tests/live/test_compose.py",
    "tests/live/test_first_start.py",
    "tests/live/test_no_worker.py",
    "tests/live/test_secrets.py",
    "tests/live/test_services_away.py",
    "tests/live/test_story.py",
}

FAILED = "failed-tests"  # in DATA_DIR: a name a line

WORKER = os.environ.get("PYTEST_XDIST_WORKER")
if WORKER is not None:
    _data_dir = Path(os.environ["DATA_DIR"], WORKER)
    _data_dir.mkdir(exist_ok=True)
    os.environ["DATA_DIR"] = str(_data_dir)
    if _redis_databases := os.environ.get("TEST_REDIS_DATABASES", "").split():
        os.environ["REDIS_URL"] = os.environ["CELERY_BROKER_URL"] = _redis_databases[int(WORKER.removeprefix("gw"))]


class LiveTogether(LoadScopeScheduling):  # type: ignore[misc]
    """Largest group first, which is the live tests. (xdist's own loadgroup does nothing under pytest 9.2.)"""

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        if module in ON_THEIR_OWN:
            return module
        return "live" if module.startswith("tests/live/") else nodeid


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if WORKER is None:
        reports = [report for key in ("failed", "error") for report in terminalreporter.stats.get(key, [])]
        names = dict.fromkeys(report.nodeid for report in reports)
        Path(os.environ["DATA_DIR"], FAILED).write_text("\n".join(names))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Callable[..., None]) -> LoadScopeScheduling:
    return LiveTogether(config, log)
