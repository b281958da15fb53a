"""Refusals that concern jobs and their audio."""

from config.errors import DomainError


class AudioNotReady(DomainError):
    code, status = "AUDIO_NOT_READY", 409
    example = "The audio is still being made. Ask again in a second."

    def __init__(self) -> None:
        super().__init__(self.example, headers={"Retry-After": "1"})


class AudioNotAvailable(DomainError):
    code, status = "AUDIO_NOT_AVAILABLE", 409
    example = "This job is failed: there will be no audio."


class AudioExpired(DomainError):
    code, status = "AUDIO_EXPIRED", 410
    example = "The audio was deleted, or its time is over."


class GenerationFailed(DomainError):
    code, status = "GENERATION_FAILED", 500


class CapacityReached(DomainError):
    code, status = "CAPACITY", 503

    def __init__(self) -> None:
        super().__init__(
            "The audio store is nearly full, so no new speech is taken. Nothing was charged. Try again later.",
            headers={"Retry-After": "300"},
        )


class StoreUnavailable(DomainError):
    """The audio store does not answer, or has no room. Its own words are in `__cause__`, for the log alone."""

    code, status = "INTERNAL_ERROR", 503

    def __init__(self) -> None:
        super().__init__(
            "The audio store cannot be reached just now. Try again in a minute.", headers={"Retry-After": "60"}
        )
