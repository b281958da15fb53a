"""Part of `make check`: models and migrations agree, and Django finds nothing to warn of in production settings.

Each check is a process of its own, for settings are read once. No server is needed.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.run import ROOT, clean_environment

# What the smallest production installation sets; nothing of it is connected to.
PRODUCTION = {
    "DATABASE_URL": "postgres://utterance@127.0.0.1:1/utterance",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "SECRET_KEY": "only-for-this-check-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEF",
    "PUBLIC_URL": "https://speech.example.com",
    "SERVE_HTTPS": "1",
}
CHECKS: tuple[tuple[dict[str, str], list[str]], ...] = (
    ({}, ["check", "--fail-level", "WARNING"]),
    ({}, ["makemigrations", "--check", "--dry-run"]),
    (PRODUCTION, ["check", "--deploy", "--fail-level", "WARNING"]),
)


def main() -> int:
    failures = 0
    with tempfile.TemporaryDirectory(prefix="utterance-check-") as data_dir:
        Path(data_dir, "static").mkdir()  # else whitenoise warns that it is not there
        for settings, arguments in CHECKS:
            environment = clean_environment() | {"DATA_DIR": data_dir} | settings
            done = subprocess.run([sys.executable, "manage.py", *arguments], cwd=ROOT, env=environment)
            failures += done.returncode != 0
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
