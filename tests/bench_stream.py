"""`make bench-stream`: how soon a stream is heard, what the service adds to the bare engine, and how many it serves.

Starts the real thing (`manage.py serve`, SQLite, the file queue and the spool relay) in a temporary folder and talks to
it by HTTP. Kokoro is measured with a network of the true size and made-up weights, 76 ms a phoneme, when PyTorch is
installed to make it (requirements-kokoro-torch.txt), or with KOKORO_BENCH_DIR naming a folder made by
`python -m tests.kokoro_files FOLDER` before.

Bars: first byte ≤ the bare engine's first piece + 60 ms; total ≤ 1.15 × bare (median of 7 pairs, taken in turns);
/healthz p95 < 20 ms while two syntheses run; 200 streams at once, each whole and the same as the stored audio; the web
process grows by less than 100 MB for them.
"""

import asyncio
import importlib.util
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.live.service import Service
from tests.processes import descendants

PAIRS = 7
LENGTHS = (40, 250, 1000)
WORDS = "When the long winter was over at last, the people of the valley came out of their houses and looked around. "
FIRST_BYTE_BAR_SECONDS = 0.060
TOTAL_BAR = 1.15
HEALTH_BAR_SECONDS = 0.020
STREAMS = 200
MEMORY_BAR_BYTES = 100 * 1024**2
ESPEAK, KOKORO = "espeak:en-US-eSpeak-Annie", "kokoro:en-US-Kokoro-Bella"
FORMAT = "ogg_opus"


class Bars:
    """What was held against what, and whether it held."""

    def __init__(self) -> None:
        self.all_hold = True

    def show(self, what: str, holds: bool) -> None:
        self.all_hold &= holds
        print(f"  {'ok  ' if holds else 'MISS'}  {what}", flush=True)


def text_of(chars: int) -> str:
    return (WORDS * (chars // len(WORDS) + 1))[: chars - 1].rstrip() + "."


def streamed(client: httpx.Client, voice_id: str, text: str) -> tuple[float, float]:
    """Seconds from POST to the first byte of audio, and to the last."""
    began = time.perf_counter()
    asked = {"text": text, "voice_id": voice_id, "output_format": FORMAT}
    job = client.post("/api/v1/tts/stream", json=asked).raise_for_status().json()["data"]
    with client.stream("GET", job["stream_url"]) as response:
        response.raise_for_status()
        chunks = response.iter_raw()
        next(chunks)
        first = time.perf_counter() - began
        for _ in chunks:
            pass
    return first, time.perf_counter() - began


def bare_of(voice_id: str) -> Callable[[str], tuple[float, float]]:
    """The engine and the encoder alone, in this process: seconds to the first encoded byte, and to the last."""
    from tts.audio.encoder import Encoder
    from tts.audio.formats import resolve_encoding
    from tts.engines.base import Segment
    from tts.engines.registry import get_engine

    engine = get_engine(voice_id.partition(":")[0])
    entry = next(entry for entry in engine.voices() if entry.voice_id == voice_id)
    engine.warm_up()
    encoding = resolve_encoding(
        output_format=FORMAT, engine_rate_hertz=entry.native_rate_hertz, sample_rate_hertz=None, bitrate_kbps=None
    )

    def speak(text: str) -> tuple[float, float]:
        began = time.perf_counter()
        first = 0.0
        with Encoder(encoding, input_rate_hertz=entry.native_rate_hertz, streaming=True) as encoder:
            for piece in engine.split(text, text_format="text", language=entry.language):
                segment = Segment(text=piece.text, engine_voice=entry.engine_voice, language=entry.language)
                for pcm in engine.speak(segment):
                    if encoder.feed(pcm) and not first:
                        first = time.perf_counter() - began
            encoder.close()
        return first, time.perf_counter() - began

    return speak


def compare(client: httpx.Client, voice_id: str, bars: Bars) -> None:
    bare = bare_of(voice_id)
    print(f"{voice_id}, {FORMAT}, median of {PAIRS} pairs")
    for chars in LENGTHS:
        text = text_of(chars)
        streamed(client, voice_id, text), bare(text)
        pairs = [(streamed(client, voice_id, text), bare(text)) for _ in range(PAIRS)]
        first, bare_first = (statistics.median(pair[which][0] for pair in pairs) for which in (0, 1))
        total, bare_total = (statistics.median(pair[which][1] for pair in pairs) for which in (0, 1))
        ratio = statistics.median(served[1] / alone[1] for served, alone in pairs)
        bars.show(
            f"{chars:>5} characters: first byte {first * 1000:7.0f} ms, bare {bare_first * 1000:7.0f} ms",
            first <= bare_first + FIRST_BYTE_BAR_SECONDS,
        )
        bars.show(
            f"{chars:>5} characters: whole {total * 1000:7.0f} ms, bare {bare_total * 1000:7.0f} ms, x {ratio:.2f}",
            ratio <= TOTAL_BAR,
        )


def health(client: httpx.Client, voice_id: str, bars: Bars) -> None:
    """While two long texts are spoken."""
    stop = threading.Event()

    def keep_speaking() -> None:
        with httpx.Client(base_url=client.base_url, headers=client.headers, timeout=120) as own:
            while not stop.is_set():
                streamed(own, voice_id, text_of(1000))

    threads = [threading.Thread(target=keep_speaking) for _ in range(2)]
    for thread in threads:
        thread.start()
    seconds = []
    for _ in range(200):
        began = time.perf_counter()
        client.get("/healthz").raise_for_status()
        seconds.append(time.perf_counter() - began)
        time.sleep(0.02)
    stop.set()
    for thread in threads:
        thread.join()
    p50, p95 = statistics.median(seconds), statistics.quantiles(seconds, n=20)[-1]
    bars.show(
        f"/healthz while two texts are spoken: p50 {p50 * 1000:.1f} ms, p95 {p95 * 1000:.1f} ms",
        p95 < HEALTH_BAR_SECONDS,
    )


def many(service: Service, client: httpx.Client, bars: Bars) -> None:
    """STREAMS at once, all open before the first is read to its end."""
    text = text_of(400)

    def resident_bytes() -> int:
        web = [process for process in descendants(service.process.pid) if "granian" in process.command]
        return max(_rss_bytes(process.pid) for process in web)

    jobs = []
    for _ in range(STREAMS):
        asked = {"text": text, "voice_id": ESPEAK, "output_format": "wav"}
        jobs.append(client.post("/api/v1/tts/stream", json=asked).raise_for_status().json()["data"])
    before = resident_bytes()
    began = time.perf_counter()
    bodies, peak = asyncio.run(_read_all([job["stream_url"] for job in jobs], resident_bytes))
    seconds = time.perf_counter() - began
    same = 0
    for job, body in zip(jobs, bodies, strict=True):
        status = client.get(job["poll_url"]).raise_for_status().json()["data"]
        same += client.get(status["audio_url"]).content[44:] == body[44:]
    bars.show(
        f"{same} of {STREAMS} streams at once were whole and the same as the stored audio, {seconds:.1f} s",
        same == STREAMS,
    )
    bars.show(f"the web process grew by {(peak - before) / 1024**2:.0f} MB for them", peak - before < MEMORY_BAR_BYTES)


async def _read_all(urls: list[str], resident_bytes: Callable[[], int]) -> tuple[list[bytes], int]:
    peak = 0
    opened = asyncio.Semaphore(0)
    go = asyncio.Event()
    limits = httpx.Limits(max_connections=None)

    async def read(client: httpx.AsyncClient, url: str) -> bytes:
        async with client.stream("GET", url) as response:
            response.raise_for_status()
            opened.release()
            await go.wait()
            return b"".join([chunk async for chunk in response.aiter_raw()])

    async with httpx.AsyncClient(timeout=120, limits=limits) as client:
        tasks = [asyncio.create_task(read(client, url)) for url in urls]
        for _ in urls:
            await opened.acquire()
        peak = resident_bytes()
        go.set()
        while not all(task.done() for task in tasks):
            peak = max(peak, resident_bytes())
            await asyncio.sleep(0.05)
        return [task.result() for task in tasks], peak


def _rss_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def kokoro_folder(folder: Path) -> Path | None:
    """The model of the true size; None, and why, when it cannot be made."""
    if given := os.environ.get("KOKORO_BENCH_DIR"):
        return Path(given)
    if importlib.util.find_spec("torch") is None or importlib.util.find_spec("kokoro") is None:
        print(print("Kokoro is left out: no PyTorch (requirements-kokoro-torch.txt), no KOKORO_BENCH_DIR."))
        return None
    subprocess.run([sys.executable, "-W", "ignore", "-m", "tests.kokoro_files", str(folder)], check=True)
    return folder


@contextmanager
def running(folder: Path, settings: dict[str, str]) -> Iterator[tuple[Service, httpx.Client]]:
    service = Service(folder, settings=settings)
    try:
        service.start()
        made: dict[str, Any] = service.manage_json(
            "create_account", "bench@example.com", "--plan", "enterprise", "--credits", "100000", "--key"
        )
        headers = {"Authorization": f"Bearer {made['api_key']}"}
        with httpx.Client(base_url=service.url, headers=headers, timeout=120) as client:
            yield service, client
    finally:
        service.kill_everything()


def main() -> int:
    bars = Bars()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = kokoro_folder(folder / "model")
        settings = {"KOKORO_MODEL_DIR": str(model)} if model else {}
        os.environ |= {"DJANGO_SETTINGS_MODULE": "config.settings", "DATA_DIR": str(folder / "bare")} | settings
        import django

        django.setup()
        (folder / "service").mkdir()
        with running(folder / "service", settings) as (service, client):
            compare(client, ESPEAK, bars)
            if model:
                compare(client, KOKORO, bars)
            print("Many at once")
            health(client, ESPEAK, bars)
            if model:
                health(client, KOKORO, bars)
            many(service, client, bars)
    return 0 if bars.all_hold else 1


if __name__ == "__main__":
    sys.exit(main())
