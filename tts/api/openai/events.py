"""The audio as OpenAI's server-sent events, for `stream_format: "sse"`."""

import json
from base64 import b64encode
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from config.errors import openai_body
from tts.errors import StreamBroken
from tts.models import Job


async def events(job: Job, chunks: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """Yields a delta per chunk, then the usage. Raises StreamBroken, after an error event if there was a delta."""
    is_begun = False
    async with aclosing(chunks):
        try:
            async for chunk in chunks:
                yield _event({"type": "speech.audio.delta", "audio": b64encode(chunk).decode()})
                is_begun = True
        except StreamBroken as error:
            if is_begun:
                yield _event({"type": "error"} | openai_body(StreamBroken, error.message))
            raise
    # Characters are counted and charged; audio is not counted.
    usage = {"input_tokens": job.chars_charged, "output_tokens": 0, "total_tokens": job.chars_charged}
    yield _event({"type": "speech.audio.done", "usage": usage})


def _event(data: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"
