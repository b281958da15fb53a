"""Refusals that concern who is asking."""

from config.errors import DomainError


class RateLimitExceeded(DomainError):
    code, status = "RATE_LIMIT_EXCEEDED", 429
    example = "Rate limit exceeded: 100 requests per 15 minutes. Try again at 11:45 UTC."


class MaintenanceMode(DomainError):
    code, status = "MAINTENANCE", 503
    example = "The API is down for maintenance. Try again in a few minutes."

    def __init__(self) -> None:
        super().__init__(self.example, headers={"Retry-After": "300"})


class RequestInProgress(DomainError):
    code, status = "REQUEST_IN_PROGRESS", 409
    example = "A request with this Idempotency-Key is still being processed."

    def __init__(self) -> None:
        super().__init__(self.example, headers={"Retry-After": "1"})


class IdempotencyKeyReuse(DomainError):
    code, status = "IDEMPOTENCY_KEY_REUSE", 409
    example = "This Idempotency-Key was used for a different request. Use a new key."

    def __init__(self) -> None:
        super().__init__(self.example)


class IssuerUnavailable(DomainError):
    """The keys that an ID token would be checked with cannot be had."""

    code, status = "ISSUER_UNAVAILABLE", 503
    example = "The public keys of this ID token's issuer are unavailable. Try again in a minute."

    def __init__(self) -> None:
        super().__init__(self.example, headers={"Retry-After": "60"})


class EmailTaken(DomainError):
    code, status = "EMAIL_TAKEN", 409


class AccountClosing(DomainError):
    """Nothing is sold to an account that is about to be deleted: its credits would go with it."""

    code, status = "ACCOUNT_CLOSING", 409

    def __init__(self) -> None:
        super().__init__(
            "This account is scheduled for deletion and cannot buy anything. "
            "Its owner can still cancel the deletion in Settings."
        )


class TooManyKeys(DomainError):
    code, status = "TOO_MANY_KEYS", 409


class KeyMadeAlready(DomainError):
    """A form sent twice: the key exists, and was shown to whoever sent it first."""

    code, status = "KEY_MADE_ALREADY", 409


class KeyRotatedAlready(DomainError):
    """A form sent twice, or two people at once: the secret it was to replace is not the current one any more."""

    code, status = "KEY_ROTATED_ALREADY", 409


class NothingToChange(DomainError):
    """An operator asked for what is so already: a double click, or a page that was open for long."""

    code, status = "NOTHING_TO_CHANGE", 409


class TeamRefused(DomainError):
    """What somebody asked about people cannot be, or is so already. The message says which."""

    code, status = "TEAM_REFUSED", 409
