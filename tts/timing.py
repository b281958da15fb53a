"""Where the time of a job's last attempt went, as the job's row keeps it. Measured by `tts.worker.job_timer`."""

from dataclasses import dataclass


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
