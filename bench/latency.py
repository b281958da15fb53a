"""`make bench-latency`: measures the time that the service adds to the engine, both in the same run.

Starts the real service (`manage.py serve`, SQLite and the file queue) in a temporary folder and sends it HTTP requests.
Requirements: POST → completed for one short sentence p50 ≤ 0.25 s; 100,000 characters to wav at ≥ 100 × realtime.
"""

import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from speech.audio.files import encode_file
from speech.audio.formats import Encoding
from speech.engines.base import Segment
from speech.engines.espeak import EspeakEngine
from speech.sentences import split_text
from tests.support.ports import free_port

SENTENCE = "The quick brown fox jumps over the lazy dog."
VOICE_ID = "espeak:en-US-eSpeak-Annie"
ROUNDS = 30
LONG_CHARS = 100_000
P50_BAR_SECONDS = 0.25
REALTIME_BAR = 100.0
START_SECONDS = 60.0


@contextmanager
def running_service(data_dir: Path) -> Iterator[tuple[str, str]]:
    """Starts a service. Yields its base URL and an API key."""
    port = free_port()
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(data_dir), "PORT": str(port), "PYTHONUNBUFFERED": "1"}
    environment |= {"SAMPLE_ENGINES": "none", "KOKORO": "0"}
    process = subprocess.Popen(
        [sys.executable, "manage.py", "serve"], env=environment, stdout=subprocess.PIPE, text=True
    )
    give_up = threading.Timer(START_SECONDS, process.kill)
    give_up.start()
    try:
        assert process.stdout is not None
        output = ""
        for line in process.stdout:
            output += line
            if "Ctrl-C stops it" in line:
                break
        key = re.search(r"tts_\w{36}", output)
        if key is None:
            raise SystemExit(f"the service did not start:\n{output}")
        give_up.cancel()
        yield f"http://127.0.0.1:{port}", key[0]
    finally:
        give_up.cancel()
        process.send_signal(signal.SIGTERM)
        process.wait()


def speak(client: httpx.Client, text: str) -> tuple[float, float]:
    """Returns the seconds from POST to completed, as a polling client sees it, and the seconds of audio."""
    begin = time.perf_counter()
    job = client.post("/api/v1/tts", json={"text": text, "voice_id": VOICE_ID}).raise_for_status().json()["data"]
    while True:
        status = client.get(job["poll_url"]).raise_for_status().json()["data"]
        if status["status"] == "completed":
            return time.perf_counter() - begin, status["duration_seconds"]
        if status["status"] != "processing" and status["status"] != "pending":
            raise SystemExit(f"the job ended {status['status']}")
        time.sleep(0.005 if len(text) < 1000 else 0.1)


def speak_bare(engine: EspeakEngine, engine_voice: str, text: str, path: Path) -> float:
    """Returns the seconds that the engine and the encoder take for the text in this process: the lower limit."""
    begin = time.perf_counter()
    pcm = (
        chunk
        for part in split_text(text, "en-US")
        for chunk in engine.speak(Segment(text=part, engine_voice=engine_voice, language="en-US"))
    )
    rate_hertz = engine.sample_rate_hertz(engine_voice)
    encode_file(pcm, path, Encoding("wav", rate_hertz, None, 1), input_rate_hertz=rate_hertz)
    return time.perf_counter() - begin


def main() -> int:
    long_text = (SENTENCE + " ") * (LONG_CHARS // (len(SENTENCE) + 1) + 1)
    long_text = long_text[:LONG_CHARS]
    engine = EspeakEngine()
    engine_voice = next(voice.engine_voice for voice in engine.voices() if voice.voice_id == VOICE_ID)
    engine.warm_up()
    with tempfile.TemporaryDirectory() as folder, running_service(Path(folder) / "data") as (url, key):
        bare_path = Path(folder) / "bare.wav"
        with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=30) as client:
            speak(client, SENTENCE)
            served, bare = [], []
            for _ in range(ROUNDS):
                served.append(speak(client, SENTENCE)[0])
                bare.append(speak_bare(engine, engine_voice, SENTENCE, bare_path))
            long_seconds, audio_seconds = speak(client, long_text)
            bare_long_seconds = speak_bare(engine, engine_voice, long_text, bare_path)
    engine.close()
    p50, p95 = statistics.median(served), statistics.quantiles(served, n=20)[-1]
    realtime = audio_seconds / long_seconds
    print(f"one sentence, {len(SENTENCE)} characters, {ROUNDS} times")
    print(f"  POST to completed   p50 {p50 * 1000:6.1f} ms   p95 {p95 * 1000:6.1f} ms ")
    print(f"  bare engine         p50 {statistics.median(bare) * 1000:6.1f} ms")
    print(f"{LONG_CHARS:,} characters to wav, {audio_seconds:,.0f} s of audio")
    print(f"  service     {long_seconds:6.2f} s   {realtime:6.0f} x realtime   (bar: {REALTIME_BAR:.0f} x)")
    print(f"  bare engine {bare_long_seconds:6.2f} s   {audio_seconds / bare_long_seconds:6.0f} x realtime")
    print(f"  ratio       {long_seconds / bare_long_seconds:6.2f}")
    return 0 if p50 <= P50_BAR_SECONDS and realtime >= REALTIME_BAR else 1


if __name__ == "__main__":
    sys.exit(main())
