"""`make bench-stream`: compares the latency of a stream with the engine alone, and opens many streams at once.

    python -m bench.stream [--engines espeak,kokoro] [--rounds 7]

Starts the real service (`manage.py serve`, SQLite, the file queue, the relay through the spool) in a temporary folder
and sends it HTTP requests. The engine alone runs in this process, alternating with the service; the result is the
median of the pairs. Kokoro uses the files in KOKORO_MODEL_DIR. If there are none, `python -m
tests.support.kokoro_files FOLDER` creates files of the real size.

Requirements: first audio ≤ the engine's first samples + 60 ms. Total ≤ 1.15 × the engine with the encoder, or + 60 ms
if that is more, because eSpeak speaks 1,000 characters in the time of two requests. /healthz p95 < 20 ms while two
texts are spoken. 200 streams open at once: all are complete and, except for the header, match the stored audio byte for
byte, and the web process grows by less than 100 MB. The exit status is 1 if a requirement is not met or not measured.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from signal import SIGTERM
from typing import Any

import django
import httpx
from django.conf import settings

from tests.live.service import Service
from tests.support.audio import without_header
from tests.support.waiting import wait_for

VOICE_IDS = {"espeak": "espeak:en-US-eSpeak-Annie", "kokoro": "kokoro:en-US-Kokoro-Bella"}
TEXT = (
    "The night train leaves at nine, and nobody on it knows the way. A lamp swings over the table, the rain runs down "
    "the glass, and far behind the hills a bell is counting the hours. Sit down, she said, there is room for one more. "
)
LENGTHS = (40, 250, 1000)
FIRST_BAR_SECONDS = 0.060
TOTAL_BAR = 1.15
HEALTH_BAR_SECONDS = 0.020
HEALTH_EVERY_SECONDS = 0.02
STREAMS = 200
STREAM_FORMATS = ("wav", "mp3", "ogg_opus")
GROWTH_BAR_BYTES = 100_000_000
OGG_HEADER_PAGES = 2
READ_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds from the request to the first audio, and to the end."""

    first: float
    total: float


class Bench:
    """Prints measurements, and collects the requirements that were not met in `missed`."""

    def __init__(self, service: Service, key: str) -> None:
        self.service = service
        self.key = key
        self.missed: list[str] = []
        self.http = httpx.Client(base_url=service.url, headers=self.headers, timeout=120)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    def hold(self, what: str, *, is_met: bool) -> str:
        if not is_met:
            self.missed.append(what)
        return "ok" if is_met else "MISSED"

    def submit(self, text: str, voice_id: str, **fields: object) -> dict[str, Any]:
        answer = self.http.post("/api/v1/tts/stream", json={"text": text, "voice_id": voice_id, **fields})
        data: dict[str, Any] = answer.raise_for_status().json()["data"]
        return data

    def listen(self, text: str, voice_id: str) -> Timing:
        """Submits a text and reads its stream, like a client."""
        begin = time.perf_counter()
        first, received = 0.0, b""
        with self.http.stream("GET", self.submit(text, voice_id)["stream_url"]) as response:
            response.raise_for_status()
            for chunk in response.iter_raw():
                if not first:
                    received += chunk
                    # The first pages are headers.
                    first = time.perf_counter() if received.count(b"OggS") > OGG_HEADER_PAGES else 0.0
        return Timing(first - begin, time.perf_counter() - begin)


def speak_bare(engine: Any, voice: Any, text: str) -> Timing:
    """Measures the engine and the encoder alone, the lower limit for the service."""
    from speech.audio.encoder import Encoder
    from speech.audio.formats import Encoding
    from speech.engines.base import Segment

    begin, first = time.perf_counter(), 0.0
    rate_hertz = engine.sample_rate_hertz(voice.engine_voice)
    with Encoder(Encoding("ogg_opus", 48000, 64, 1), input_rate_hertz=rate_hertz, streaming=True) as encoder:
        for piece in engine.split(text, text_format="text", language=voice.language):
            for pcm in engine.speak(Segment(text=piece.text, engine_voice=voice.engine_voice, language=voice.language)):
                first = first or time.perf_counter()
                encoder.feed(pcm)
        encoder.close()
    return Timing(first - begin, time.perf_counter() - begin)


def measure_engine(bench: Bench, name: str, rounds: int) -> None:
    from speech.engines.registry import get_engine

    engine = get_engine(name)
    voice = next(voice for voice in engine.voices() if voice.voice_id == VOICE_IDS[name])
    engine.warm_up()
    bench.listen(TEXT, voice.voice_id)
    speak_bare(engine, voice, TEXT)
    try:
        for length in LENGTHS:
            text = (TEXT * (length // len(TEXT) + 1))[:length]
            pairs = [(bench.listen(text, voice.voice_id), speak_bare(engine, voice, text)) for _ in range(rounds)]
            first = statistics.median(served.first - bare.first for served, bare in pairs)
            total = statistics.median(served.total - bare.total for served, bare in pairs)
            ratio = statistics.median(served.total / bare.total for served, bare in pairs)
            label = f"{name}, {length} characters"
            held_first = bench.hold(f"{label}: first sound", is_met=first <= FIRST_BAR_SECONDS)
            held_total = bench.hold(f"{label}: total", is_met=ratio <= TOTAL_BAR or total <= FIRST_BAR_SECONDS)
            bare_first = statistics.median(bare.first for _, bare in pairs)
            bare_total = statistics.median(bare.total for _, bare in pairs)
            print(f"{label}, median of {rounds} pairs")
            print(f"  first sound  bare {bare_first * 1000:8.1f} ms   service {first * 1000:+8.1f} ms   {held_first}")
            print(
                f"  total        bare {bare_total * 1000:8.1f} ms   service {total * 1000:+8.1f} ms"
                f"   x {ratio:.2f}   {held_total}"
            )
    finally:
        engine.close()


def measure_health(bench: Bench, name: str) -> None:
    """Measures /healthz while two texts are spoken and streamed."""
    text = (TEXT * 500)[: 1000 if name == "kokoro" else 20_000]
    listeners = [
        threading.Thread(target=_hear_out, args=(bench.submit(text, VOICE_IDS[name])["stream_url"],)) for _ in range(2)
    ]
    seconds = []
    with httpx.Client(base_url=bench.service.url) as client:
        client.get("/healthz")
        for listener in listeners:
            listener.start()
        while all(listener.is_alive() for listener in listeners):
            begin = time.perf_counter()
            client.get("/healthz").raise_for_status()
            seconds.append(time.perf_counter() - begin)
            time.sleep(HEALTH_EVERY_SECONDS)
    for listener in listeners:
        listener.join()
    p95 = statistics.quantiles(seconds, n=20)[-1]
    held = bench.hold(f"{name}: /healthz", is_met=p95 < HEALTH_BAR_SECONDS)
    print(f"/healthz while {name} speaks two texts, {len(seconds)} times")
    print(f"  p50 {statistics.median(seconds) * 1000:.1f} ms   p95 {p95 * 1000:.1f} ms   {held}")


def _hear_out(url: str) -> None:
    with httpx.stream("GET", url, timeout=120) as response:
        response.raise_for_status()
        for _ in response.iter_raw():
            pass


def measure_many(bench: Bench) -> None:
    """Opens all streams before the first text is spoken: the worker is paused until then."""
    text, web = TEXT, bench.service.child("config.asgi")
    assert web is not None
    pids = [web.pid, *(process.pid for process in bench.service.processes() if "config.asgi" in process.command)]
    before = _resident_bytes(pids)
    peak = before
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.05):
            peak = max(peak, _resident_bytes(pids))

    watcher = threading.Thread(target=watch)
    begin = time.perf_counter()
    with bench.service.standing_worker():
        jobs = [
            bench.submit(text, VOICE_IDS["espeak"], output_format=STREAM_FORMATS[number % len(STREAM_FORMATS)])
            for number in range(STREAMS)
        ]
        submitted_seconds = time.perf_counter() - begin
        watcher.start()
        bodies: list[bytes] = []
        reader = threading.Thread(target=lambda: bodies.extend(asyncio.run(_hear_all(jobs))))
        reader.start()
        opened = "SELECT count(*) FROM tts_job WHERE stream_opened_at IS NOT NULL AND status = 'pending'"
        wait_for(lambda: bench.service.query(opened)[0][0] == STREAMS, "all to be open", seconds=60)
        begin = time.perf_counter()
    reader.join()
    seconds = time.perf_counter() - begin
    done.set()
    watcher.join()
    same = sum(_is_stored(bench, job, body) for job, body in zip(jobs, bodies, strict=True))
    growth = peak - before
    held_same = bench.hold("open streams: the same bytes", is_met=same == STREAMS)
    held_growth = bench.hold("open streams: memory", is_met=growth < GROWTH_BAR_BYTES)
    heard = sum(map(len, bodies)) / 1e6
    print(
        f"{STREAMS} streams open at once, submitted in {submitted_seconds:.1f} s, "
        f"{heard:.0f} MB heard in {seconds:.1f} s"
    )
    print(f"  whole and as stored  {same} of {STREAMS}   {held_same}")
    print(f"  web process  {before / 1e6:.0f} MB before, {growth / 1e6:+.0f} MB at most   {held_growth}")


async def _hear_all(jobs: Sequence[dict[str, Any]]) -> list[bytes]:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    async with httpx.AsyncClient(timeout=300, limits=limits) as client:
        return await asyncio.gather(*(_hear(client, job["stream_url"]) for job in jobs))


async def _hear(client: httpx.AsyncClient, url: str) -> bytes:
    """Returns the whole body; b"" if the connection broke."""
    received = bytearray()
    try:
        async with client.stream("GET", url) as response:
            response.raise_for_status()
            async for chunk in response.aiter_raw(READ_BYTES):
                received += chunk
    except httpx.HTTPError:
        return b""
    return bytes(received)


def _is_stored(bench: Bench, job: dict[str, Any], body: bytes) -> bool:
    if not body:
        return False
    stored = bench.http.get(job["audio_endpoint"], follow_redirects=True).raise_for_status()
    sound = without_header(body)
    return len(sound) > 0 and sound == without_header(stored.content)


def _resident_bytes(pids: Sequence[int]) -> int:
    pages = 0
    for pid in set(pids):
        with suppress(FileNotFoundError, ProcessLookupError):  # it has just exited
            pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="make bench-stream")
    parser.add_argument("--engines", default="espeak,kokoro")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args(arguments)
    model_dir = str(Path(os.environ.get("KOKORO_MODEL_DIR") or "var/kokoro").resolve())
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "DATA_DIR": str(folder / "bare"),
            "KOKORO_MODEL_DIR": model_dir,
        }
        django.setup()
        has_kokoro = "0" if _unavailable("kokoro") else "1"  # so that the service does not download it
        changed = {"KOKORO_MODEL_DIR": model_dir, "KOKORO": has_kokoro, "JOB_LEASE_SECONDS": "30"}
        service = Service(folder, settings=changed)
        stack.callback(service.kill_everything)
        service.start()
        made = service.manage_json(
            "create_account", "bench@bench.example", "--plan", "enterprise", "--credits", "10000", "--key"
        )
        bench = Bench(service, made["api_key"])
        names = options.engines.split(",")
        if "kokoro" in names and (reason := _unavailable("kokoro")):
            names.remove("kokoro")
            bench.missed.append(f"kokoro was not measured: {reason} (KOKORO_MODEL_DIR is {settings.KOKORO_MODEL_DIR})")
        for name in names:
            measure_engine(bench, name, options.rounds)
        for name in names:
            measure_health(bench, name)
        measure_many(bench)
        bench.http.close()
        service.send(SIGTERM)
        service.wait_for_end()
    for missed in bench.missed:
        print(f"missed: {missed}")
    return 1 if bench.missed else 0


def _unavailable(name: str) -> str:
    from speech.engines.registry import get_engine

    return get_engine(name).unavailable_reason()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
