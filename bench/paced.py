"""`make bench-paced`: reads a long stream over Redis at the speed of playback.

    python -m bench.paced [--minutes 5]

Starts the real service (`manage.py serve`) with its own Redis in a temporary folder. The engine is eSpeak, slowed down
to four times the speed of playback, like a natural voice on good processors. So the reader soon falls behind the window
of Redis, and the job is still running when the minutes are over. The rest is then read as fast as possible.

Requirements: no wait for a byte longer than 2 s; the job is not complete before the minutes are over; the reader falls
behind the window of Redis; Redis has less than 6 MB of the stream; the received bytes are the stored ones. The exit
status is 1 if a requirement is not met.
"""

import argparse
import os
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack
from pathlib import Path
from signal import SIGTERM
from typing import Any

import httpx
import redis

from speech.engines.base import Segment
from speech.engines.espeak import EspeakEngine
from tests.live.service import VOICE_ID, Service
from tests.support.services import redis_databases
from tests.support.waiting import wait_for

AHEAD = 4.0  # times the speed of playback
RATE_HERTZ = 48_000
BYTES_PER_SECOND = 2 * RATE_HERTZ
WAV_HEADER_BYTES = 44
CHARS_PER_SECOND = 18  # of eSpeak
READ_BYTES = 16 * 1024
RECEIVE_BUFFER_BYTES = 64 * 1024  # otherwise the system reads far ahead of the listener
WAIT_BAR_SECONDS = 2.0
REDIS_BAR_BYTES = 6_000_000
SENTENCE = "The night train leaves at nine, and nobody on it knows the way. "


class PacedEngine(EspeakEngine):
    """eSpeak, but never faster than AHEAD times the speed of playback."""

    def speak(self, segment: Segment) -> Generator[bytes, None, None]:
        """Yields eSpeak's audio, slowed down."""
        began, size_bytes = time.monotonic(), 0
        rate_hertz = self.sample_rate_hertz(segment.engine_voice)
        for pcm in super().speak(segment):
            yield pcm
            size_bytes += len(pcm)
            due = began + size_bytes / 2 / rate_hertz / AHEAD
            threading.Event().wait(max(0.0, due - time.monotonic()))


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="make bench-paced")
    parser.add_argument("--minutes", type=float, default=5.0)
    seconds = 60 * parser.parse_args(arguments).minutes
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (redis_url,) = stack.enter_context(redis_databases(os.environ.get("TEST_REDIS_URL", ""), count=1))
        changed = {
            "REDIS_URL": redis_url, "CELERY_BROKER_URL": redis_url, "SPEECH_ENGINES": "espeak",
            "DJANGO_SETTINGS_MODULE": "bench.paced_settings", "JOB_LEASE_SECONDS": "30",
        }  # fmt: skip
        service = Service(folder, settings=changed)
        stack.callback(service.kill_everything)
        service.start()
        missed = measure(service, redis_url, seconds)
        service.send(SIGTERM)
        service.wait_for_end()
    for bar in missed:
        print(f"missed: {bar}")
    return 1 if missed else 0


def measure(service: Service, redis_url: str, seconds: float) -> list[str]:
    """Prints the measurements. Returns the requirements that were not met."""
    made = service.manage_json(
        "create_account", "bench@bench.example", "--plan", "enterprise", "--credits", "10000", "--key"
    )
    options = [(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)]
    client = httpx.Client(
        base_url=service.url, headers={"Authorization": f"Bearer {made['api_key']}"}, timeout=60,
        transport=httpx.HTTPTransport(socket_options=options),
    )  # fmt: skip
    # A fifth more than is generated within the minutes.
    chars = int(seconds * AHEAD * 1.2 * CHARS_PER_SECOND)
    text = (SENTENCE * (chars // len(SENTENCE) + 1))[: min(chars, 100_000)]
    body = {"text": text, "voice_id": VOICE_ID, "output_format": "wav", "sample_rate_hertz": RATE_HERTZ}
    data: dict[str, Any] = client.post("/api/v1/tts/stream", json=body).raise_for_status().json()["data"]

    def status() -> dict[str, Any]:
        answer: dict[str, Any] = client.get(data["poll_url"]).raise_for_status().json()["data"]
        return answer

    received, waits, most_in_redis, most_parts = bytearray(), [0.0], 0, 0
    at_the_end: dict[str, Any] = {}
    with client.stream("GET", data["stream_url"]) as response, redis.Redis.from_url(redis_url) as cache:
        response.raise_for_status()
        chunks = response.iter_raw(READ_BYTES)
        chunk = next(chunks, b"")
        began = asked_at = looked_at = time.monotonic()
        while chunk:
            received += chunk
            elapsed = time.monotonic() - began
            if elapsed < seconds:
                threading.Event().wait(max(0.0, len(received) / BYTES_PER_SECOND - elapsed))
            elif not at_the_end:
                at_the_end = status() | {"heard_seconds": len(received) / BYTES_PER_SECOND}
            if time.monotonic() - looked_at > 1.0 and not at_the_end:
                looked_at = time.monotonic()
                held = cache.memory_usage(f"relay:{data['job_id']}:1", samples=0)
                most_in_redis = max(most_in_redis, int(held or 0))
                most_parts = max(most_parts, len(list((service.data_dir / "audio").rglob("*-stream-*.bin"))))
            asked_at = time.monotonic()
            chunk = next(chunks, b"")
            if not at_the_end:
                waits.append(time.monotonic() - asked_at)
    wait_for(lambda: status()["status"] == "completed", "the job to be completed", seconds=60)
    stored = client.get(data["audio_endpoint"], follow_redirects=True).raise_for_status().content
    is_same = bytes(received[WAV_HEADER_BYTES:]) == stored[WAV_HEADER_BYTES:]
    progress = at_the_end.get("progress", 100)
    ahead_bytes = progress / 100 * len(stored) - at_the_end.get("heard_seconds", 0) * BYTES_PER_SECOND
    print(f"heard {at_the_end.get('heard_seconds', 0):.0f} s at real speed; of the job {progress} % was done then")
    p99_seconds = sorted(waits)[len(waits) * 99 // 100]
    print(f"  longest wait for a byte   {max(waits) * 1000:10.0f} ms (p99 {p99_seconds * 1000:.0f} ms)")
    print(f"  behind the engine         {ahead_bytes / 1e6:10.1f} MB")
    print(f"  held by Redis, at most    {most_in_redis / 1e6:10.1f} MB")
    print(f"  parts in the store        {most_parts:10d}")
    print(f"  received and stored       {len(received):10,d} bytes, {'the same' if is_same else 'DIFFERENT'}")
    bars = {
        "the longest wait": max(waits) <= WAIT_BAR_SECONDS,
        "the job ran while the minutes lasted": at_the_end.get("status") == "processing",
        "the reader fell behind what Redis holds": ahead_bytes > REDIS_BAR_BYTES and most_parts > 0,
        "what Redis holds": 0 < most_in_redis < REDIS_BAR_BYTES,
        "what was received is what is stored": is_same,
    }
    return [bar for bar, is_met in bars.items() if not is_met]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
