#!/usr/bin/env python3
"""Text in, audio out, with Python's standard library.

export UTTERANCE_URL=http://127.0.0.1:8000 UTTERANCE_KEY=tts_...
python3 say.py "Good morning." morning.wav [REQUEST_ID]

UTTERANCE_VOICE names another voice than Kokoro's Heart.

A request repeated with the same REQUEST_ID is the same job, and is paid for once. Without one, each run is a new job.
"""

import json
import os
import sys
import time
import uuid
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

ATTEMPTS = 6


def call(path: str, body: dict[str, str] | None = None, request_id: str = "") -> bytes:
    """Tries again when the network or the server fails, and waits as long as a Retry-After says."""
    request = Request(os.environ["UTTERANCE_URL"] + path, data=json.dumps(body).encode() if body else None)
    request.add_header("Content-Type", "application/json")
    if request_id:
        request.add_header("Idempotency-Key", request_id)
    # The audio may lie on another server, which has no business with the key: it does not go along on a redirect.
    request.add_unredirected_header("Authorization", f"Bearer {os.environ['UTTERANCE_KEY']}")
    attempt = 0
    while True:
        attempt += 1
        seconds = 2.0**attempt
        try:
            with urlopen(request, timeout=60) as response:
                return bytes(response.read())
        except HTTPError as error:
            retry_after = error.headers.get("Retry-After")
            if attempt == ATTEMPTS or (error.code < 500 and retry_after is None):
                sys.exit(f"HTTP {error.code}: {error.read().decode()}")
            seconds = float(retry_after or seconds)
        except (OSError, HTTPException) as error:
            if attempt == ATTEMPTS:
                sys.exit(f"{path}: {error}")
        time.sleep(seconds)


def main(text: str, file: str, request_id: str = "") -> None:
    speech = {"text": text, "voice_id": os.environ.get("UTTERANCE_VOICE", "kokoro:en-US-Kokoro-Heart")}
    job = json.loads(call("/api/v1/tts", speech, request_id or str(uuid.uuid4())))["data"]
    poll_url = job["poll_url"]
    while job["status"] in ("pending", "processing"):
        time.sleep(0.5)
        job = json.loads(call(poll_url))["data"]
    if job["status"] != "completed":
        sys.exit(f"job {job['job_id']} {job['status']}: {job.get('error')}")
    Path(file).write_bytes(call(job["audio_endpoint"]))
    print(f"job {job['job_id']}: {job['duration_seconds']} seconds in {file}")


main(*sys.argv[1:])
