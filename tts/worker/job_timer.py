"""Measures one attempt at a job: the time of each step, and the peaks of its waveform."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from speech.audio.peaks import Peaks
from tts.timing import Timings
from tts.worker.synthesis import Spoken


class JobTimer:
    """Measures one attempt."""

    def __init__(self) -> None:
        self._peaks = b""
        self._first_sound = self._synthesis = self._encoding = self._storing = 0.0

    def watch(self, spoken: Iterator[Spoken], *, rate_hertz: int) -> Iterator[Spoken]:
        """Yields the chunks unchanged. Waiting for them is synthesis; the time that the consumer takes is encoding."""
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
        return Timings(self._peaks, *(round(part * 1000) for part in seconds))
