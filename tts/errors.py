"""Errors about jobs and their audio."""

from config.errors import DomainError


class AudioNotReady(DomainError):
    code, status = "AUDIO_NOT_READY", 409
    example = "The audio is not ready yet. Try again in one second."

    def __init__(self) -> None:
        super().__init__(self.example, headers={"Retry-After": "1"})


class AudioNotAvailable(DomainError):
    code, status = "AUDIO_NOT_AVAILABLE", 409
    example = "This job failed, so it has no audio."


class AudioExpired(DomainError):
    code, status = "AUDIO_EXPIRED", 410
    example = "The audio was deleted or has expired."


class StreamConsumed(DomainError):
    code, status = "STREAM_CONSUMED", 410
    example = "This stream URL was already used or has expired. Get the audio from the job's audio_endpoint."

    def __init__(self) -> None:
        super().__init__(self.example)


class StreamBroken(DomainError):
    """The speech ended early. Before the first byte, this is the response; after it, the response ends abnormally."""

    code, status = "GENERATION_FAILED", 500
    example = "The voice engine failed. Try again, or try another voice. Your credits were refunded."

    def __init__(self, message: str = "") -> None:
        super().__init__(message or "The speech ended early. Get the job to see why.")


class CapacityReached(DomainError):
    code, status = "CAPACITY", 503
    example = "The audio storage is nearly full, so new speech is not accepted. Nothing was charged. Try again later."

    def __init__(self) -> None:
        super().__init__(self.example, headers={"Retry-After": "300"})


class StoreUnavailable(DomainError):
    """The audio store does not respond or is full. Its own message is in `__cause__`, for the log only."""

    code, status = "INTERNAL_ERROR", 503

    def __init__(self) -> None:
        super().__init__("The audio storage cannot be reached. Try again in a minute.", headers={"Retry-After": "60"})


class NotRefundable(DomainError):
    code, status = "NOT_REFUNDABLE", 409


class NotRetryable(DomainError):
    code, status = "NOT_RETRYABLE", 409
