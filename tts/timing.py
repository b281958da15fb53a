"""How a job's audio was made: where the time of its last attempt went, and the peaks of its waveform.

Owns the measuring; `tts.worker.pipeline` has it done, the job's page shows it.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from speech.audio.peaks import Peaks

if (
    TYPE_CHECKING
):  # tts.worker.synthesis imports tts.worker.lease, tts.services.lifecycle and, through them, this module
    from tts.worker.synthesis import Spoken


@dataclass(frozen=True, slots=True)
class Timings:
    """Milliseconds of one attempt, which add up: what the engine speaks while the encoder is busy costs nothing.
    `first_sound_ms` is part of the synthesis.
    """

    peaks: bytes
    first_sound_ms: int
    synthesis_ms: int
    encoding_ms: int
    storing_ms: int


class JobTimer:
    """A stop-watch beside one attempt."""

    def __init__(self) -> None:
        self._peaks = b""
        self._first_sound = self._synthesis = self._encoding = self._storing = 0.0

    def watch(self, spoken: "Iterator[Spoken]", *, rate_hertz: int) -> "Iterator[Spoken]":
        """Hands on what is spoken. Waiting for it is synthesis; what the taker does in between is encoding."""
        peaks = Peaks(rate_hertz)
        asked_at = time.perf_counter()
        for chunk in spoken:
            got_at = time.perf_counter()
            self._synthesis += got_at - asked_at
            self._first_sound = self._first_sound or self._synthesis
            peaks.feed(chunk.pcm)
            yield chunk
            asked_at = time.perf_counter()
            self._encoding += asked_at - got_at
        self._synthesis += time.perf_counter() - asked_at
        self._peaks = peaks.taken()

    @contextmanager
    def storing(self) -> Iterator[None]:
        began_at = time.perf_counter()
        yield
        self._storing = time.perf_counter() - began_at

    def result(self) -> Timings:
        seconds = (self._first_sound, self._synthesis, self._encoding, self._storing)
        return Timings(self._peaks, *(round(each * 1000) for each in seconds))
