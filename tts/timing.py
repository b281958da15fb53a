"""How far an attempt at a job is, and where the time of the last one went, as the job's row keeps them.

Measured by `tts.worker.lease` and `tts.worker.job_timer`.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """Of the attempt under way. `is_storing`: everything is synthesised, and the store has it or is about to.
    `seconds_left`: of synthesis, at the pace so far; None while there is none.
    """

    chars_done: int
    is_storing: bool = False
    audio_ms_done: int = 0
    seconds_left: float | None = None


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
