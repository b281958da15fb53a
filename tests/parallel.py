"""A plugin that `tests.run` loads before the settings are read: how the tests are shared out, and what is not shared.

The tests of a module stay together if they share something costly; every other test goes to the next free process.
Each process has files and two Redis databases of its own, one for its tests and one for the service that it runs for
live tests: with a shared one, a worker would receive the message of another process's job and drop it.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

# Modules whose tests stay in one process, with a rough number of seconds. The one with the most starts first.
TOGETHER = {
    "tests/live/test_slow_bodies.py": 60,
    "tests/live/test_story.py": 60,
    "tests/live/test_first_start.py": 50,
    "tests/live/test_stream.py": 50,
    "tests/live/test_bad_days.py": 40,
    "tests/live/test_compose.py": 40,
    "tests/live/test_services_away.py": 40,
    "tests/live/test_stopping.py": 40,
    "tests/live/test_natural_voices.py": 40,
    "tests/live/test_accessibility.py": 30,
    "tests/live/test_buying.py": 30,
    "tests/live/test_no_worker.py": 30,
    "tests/live/test_secrets.py": 30,
    "tests/live/test_development.py": 25,
    "tests/live/test_openai_sdk.py": 25,
    "tests/live/test_browser.py": 20,
    "tests/live/test_docs.py": 20,
    "tests/live/test_operators.py": 15,
    "tests/speech/test_heard.py": 15,
    "tests/live/test_passkeys.py": 15,
    "tests/live/test_playground.py": 15,
    "tests/live/test_private_files.py": 15,
    "tests/config/test_urls.py": 13,
    "tests/live/test_compare.py": 10,
    "tests/live/test_examples.py": 10,
    "tests/live/test_http.py": 10,
    "tests/live/test_loading.py": 10,
    "tests/live/test_long_requests.py": 10,
    "tests/live/test_starting.py": 5,
}

FAILED = "failed-tests"  # in DATA_DIR: a name a line

WORKER = os.environ.get("PYTEST_XDIST_WORKER")
if WORKER is not None:
    _data_dir = Path(os.environ["DATA_DIR"], WORKER)
    _data_dir.mkdir(exist_ok=True)
    os.environ["DATA_DIR"] = str(_data_dir)
    if _redis_databases := os.environ.get("TEST_REDIS_DATABASES", "").split():
        _half = len(_redis_databases) // 2
        _number = int(WORKER.removeprefix("gw")) % _half  # a process that replaces a crashed one counts on
        os.environ["REDIS_URL"] = os.environ["CELERY_BROKER_URL"] = _redis_databases[_number]
        os.environ["TEST_LIVE_REDIS_URL"] = _redis_databases[_half + _number]


class ModulesTogether(LoadScopeScheduling):  # type: ignore[misc]
    """Sends whole modules of `TOGETHER`, and other tests one by one. (xdist's own loadgroup fails under pytest 9.2.)"""

    def _split_scope(self, nodeid: str) -> str:
        return _module(nodeid) if _stays_together(nodeid) else nodeid


def _module(nodeid: str) -> str:
    return nodeid.partition("::")[0]


def _stays_together(nodeid: str) -> bool:
    return nodeid.startswith("tests/live/") or _module(nodeid) in TOGETHER


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long goes first. The others keep pytest-django's order, in which the tests that flush come last."""

    def rank(item: pytest.Item) -> float:
        return -TOGETHER.get(_module(item.nodeid), 0.1) if _stays_together(item.nodeid) else 0.0

    items.sort(key=rank)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if WORKER is None:
        reports = [report for key in ("failed", "error") for report in terminalreporter.stats.get(key, [])]
        names = dict.fromkeys(report.nodeid for report in reports)
        Path(os.environ["DATA_DIR"], FAILED).write_text("\n".join(names))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Callable[..., None]) -> LoadScopeScheduling:
    config.option.loadscopereorder = False  # the order is ours, not by the number of tests
    return ModulesTogether(config, log)
