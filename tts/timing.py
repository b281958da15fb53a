"""The progress of an attempt at a job, and the timings of the last one, as stored in the job's row.

Measured by `tts.worker.lease` and `tts.worker.job_timer`.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of the current attempt.

    `is_storing` means that everything is synthesized, and that the store has it or is about to. `seconds_left` is for
    the synthesis, at the speed so far; None while that is unknown.
    """

    chars_done: int
    is_storing: bool = False
    audio_ms_done: int = 0
    seconds_left: float | None = None


@dataclass(frozen=True, slots=True)
class Timings:
    """The milliseconds of one attempt, which add up: synthesis during encoding is not counted.

    `first_sound_ms` is part of the synthesis.
    """

    peaks: bytes
    first_sound_ms: int
    synthesis_ms: int
    encoding_ms: int
    storing_ms: int
