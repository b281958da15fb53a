"""`make bench-gallery`: measures the first visit to the gallery with 2,000 voices.

Starts the real service (`manage.py serve`, SQLite) in a temporary folder, with rows for the voices.

Requirements: 100 KB over the wire for everything that the page loads, compressed; 60 ms on the server in addition to
the time of /healthz, median of 50; no layout shift, and no request to another host. The exit status is 1 if a
requirement is not met.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
from playwright.sync_api import sync_playwright

from tests.live.browsing import CHROMIUM
from tests.live.loading import STILL, first_load
from tests.live.service import Service

VOICES = 2_000
ROUNDS = 50
SIZE_BAR_BYTES = 100_000
SERVER_BAR_SECONDS = 0.060
PATHS = ("/voices", "/voices?language=en-7", "/voices?q=voice19", "/voices?page=40")


def fill() -> None:
    """Fills the environment's database with voices as in a cloud provider's catalogue, each with a generated sample."""
    import django

    django.setup()
    from tests.factories import make_many_voices

    make_many_voices(VOICES)


def median_seconds(http: httpx.Client, path: str) -> float:
    def once() -> float:
        began = time.perf_counter()
        assert http.get(path).status_code == 200
        return time.perf_counter() - began

    once()
    return statistics.median(once() for _ in range(ROUNDS))


def measure(service: Service) -> list[str]:
    """Returns the requirements that were not met."""
    missed = []

    def hold(what: str, figure: str, *, is_met: bool) -> None:
        print(f"  {what:34}{figure:>12}   {'ok' if is_met else 'MISSED'}")
        if not is_met:
            missed.append(what)

    with httpx.Client(base_url=service.url, headers={"Accept-Encoding": "gzip"}) as http:
        print(f"  {'/healthz':34}{median_seconds(http, '/healthz') * 1000:9.1f} ms")
        for path in PATHS:
            seconds = median_seconds(http, path)
            hold(path, f"{seconds * 1000:.1f} ms", is_met=seconds <= SERVER_BAR_SECONDS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for width in (1280, 375):
            load = first_load(browser, service.url, "/voices", width=width)
            size = f"{load.bytes_received / 1000:.1f} KB"
            hold(f"first visit, {width} px wide", size, is_met=load.bytes_received <= SIZE_BAR_BYTES)
            hold(f"layout shift, {width} px wide", f"{load.layout_shift:.4f}", is_met=load.layout_shift < STILL)
            hold(f"other hosts, {width} px wide", str(len(load.elsewhere)), is_met=not load.elsewhere)
        browser.close()
    return missed


def main(arguments: Sequence[str]) -> int:
    if list(arguments) == ["--fill"]:
        fill()
        return 0
    if not CHROMIUM.exists():
        print(f"There is no browser at {CHROMIUM}.", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        service = Service(Path(folder), settings={"SPEECH_ENGINES": "espeak"})
        try:
            service.start()
            environment = service.environment | {
                "DJANGO_SETTINGS_MODULE": "config.settings",
                "PATH": os.environ["PATH"],
            }
            subprocess.run([sys.executable, "-m", "bench.gallery", "--fill"], env=environment, check=True)
            print(f"{VOICES:,} voices")
            return 1 if measure(service) else 0
        finally:
            service.kill_everything()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
