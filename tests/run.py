"""`make test`: the whole suite in parallel, in a folder of its own, whatever the shell around it has set.

    python -m tests.run [--services] [--all-languages] [pytest's arguments]

A few that fail run once more, one after the other: many drive real processes, and what other work on the machine
held up passes then. What fails again has failed. What passes is a fault to mend all the same: its name is printed, and
added to `var/passed-when-run-again.txt`.

Without `--all-languages`, eSpeak speaks twelve languages instead of all.

With `--services` on PostgreSQL and Redis: TEST_DATABASE_URL and TEST_REDIS_URL, else private ones
(`tests.support.services`).
"""

import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

import pytest
from cryptography.fernet import Fernet

from tests.parallel import FAILED
from tests.support.processes import ends_with_parent, processes_with
from tests.support.real_kokoro import MODEL_DIR_VARIABLE, fetch
from tests.support.services import NoServices, postgres, redis_databases

ROOT = Path(__file__).resolve().parent.parent
PASSED_AGAIN = ROOT / "var" / "passed-when-run-again.txt"
AGAIN_AT_MOST = 6  # more than that is no chance
STOP_SECONDS = 20.0  # for pytest to take down what it set up


def main(arguments: Sequence[str]) -> int:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    with_services = "--services" in arguments
    pytest_arguments = [argument for argument in arguments if argument not in {"--services", "--all-languages"}]
    if "--all-languages" not in arguments:
        pytest_arguments = ["-m", "not all_languages", *pytest_arguments]
    # One more than there are cores: the live tests wait most of their time.
    workers = len(os.sched_getaffinity(0)) + 1
    environment = clean_environment()
    with ExitStack() as stack:
        data_dir = stack.enter_context(
            tempfile.TemporaryDirectory(prefix="utterance-test-", ignore_cleanup_errors=True)
        )
        environment |= {"DATA_DIR": data_dir, "PYTEST_PLUGINS": "tests.parallel"}
        environment[MODEL_DIR_VARIABLE] = str(fetch(environment))
        if with_services:
            try:
                url, name = stack.enter_context(postgres(os.environ.get("TEST_DATABASE_URL", "")))
                # Two for each test process: one is for the service that its live tests start.
                databases = stack.enter_context(
                    redis_databases(os.environ.get("TEST_REDIS_URL", ""), count=workers * 2)
                )
                environment |= {
                    "DATABASE_URL": url,
                    "TEST_DATABASE_NAME": name,
                    "REDIS_URL": databases[0],
                    "CELERY_BROKER_URL": databases[0],
                    "TEST_REDIS_DATABASES": " ".join(databases),
                    "SECRET_KEY": secrets.token_urlsafe(48),
                    "WEBHOOK_SECRET_KEYS": Fernet.generate_key().decode(),
                }
            except NoServices as error:
                print(error, file=sys.stderr)
                return 2
        # What stands in the way of removing the folder, and of dropping the databases, ends first.
        stack.callback(_kill_strays, data_dir)
        status = _run_pytest(["-n", str(workers), "--dist", "loadscope", *pytest_arguments], environment)
        failed = (Path(data_dir) / FAILED).read_text().splitlines() if status == pytest.ExitCode.TESTS_FAILED else []
        if not 0 < len(failed) <= AGAIN_AT_MOST:
            return status
        print("These failed beside the others and run once more, alone:", *failed, sep="\n  ", flush=True)
        status = _run_pytest(["-n", "1", *failed], environment)
        if status in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            failed_again = (Path(data_dir) / FAILED).read_text().splitlines()
            report_passed_again([name for name in failed if name not in failed_again], PASSED_AGAIN)
        return status


def report_passed_again(names: Sequence[str], record: Path) -> None:
    """Prints the names and adds them to the record, a line each with the day."""
    if not names:
        return
    record.parent.mkdir(mode=0o700, exist_ok=True)
    today = datetime.now(UTC).date().isoformat()
    with record.open("a") as file:
        file.writelines(f"{today} {name}\n" for name in names)
    recorded = [line.partition(" ")[2] for line in record.read_text().splitlines()]
    print("Passed only when run again (mend these):")
    for name in names:
        print(f"  {name} (so far {recorded.count(name)} times)")
    print(f"Recorded in {record}", flush=True)


def clean_environment() -> dict[str, str]:
    """Ours without a single setting of the service, so that a developer's shell does not steer the tests."""
    names = set(re.findall(r'\benv_\w+\(\s*"(\w+)"', (ROOT / "config" / "settings.py").read_text()))
    # And without credentials: a test asks nobody outside.
    names |= {name for name in os.environ if name.startswith(("AWS_", "GOOGLE_"))}
    names |= {"DJANGO_SETTINGS_MODULE", "TEST_DATABASE_URL", "TEST_REDIS_URL"}
    names |= {"TEST_REDIS_DATABASES", "TEST_LIVE_REDIS_URL"}
    return {name: value for name, value in os.environ.items() if name not in names}


def _run_pytest(arguments: Sequence[str], environment: dict[str, str]) -> int:
    # A session of its own: a Ctrl-C in the terminal reaches it through us, once.
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", *arguments], cwd=ROOT, env=environment,
        start_new_session=True, preexec_fn=ends_with_parent(signal.SIGINT),
    )  # fmt: skip
    try:
        return process.wait()
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(STOP_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _kill_strays(data_dir: str) -> None:
    for process in processes_with(data_dir):
        process.kill()


def _stop(number: int, frame: FrameType | None) -> None:
    """Leaves by way of every `finally`, undisturbed by a second signal."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
