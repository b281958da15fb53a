"""Errors about who is making a request."""

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
    """The keys that verify an ID token are unavailable."""

    code, status = "ISSUER_UNAVAILABLE", 503
    example = "The public keys of this ID token's issuer are unavailable. Try again in a minute."

    def __init__(self) -> None:
        super().__init__(self.example, headers={"Retry-After": "60"})


class EmailTaken(DomainError):
    code, status = "EMAIL_TAKEN", 409


class AccountClosing(DomainError):
    """Accounts that are scheduled for deletion cannot buy anything: they would lose the credits."""

    code, status = "ACCOUNT_CLOSING", 409

    def __init__(self) -> None:
        super().__init__(
            "This account is scheduled for deletion and cannot buy anything. "
            "Its owner can still cancel the deletion in Settings."
        )


class TooManyKeys(DomainError):
    code, status = "TOO_MANY_KEYS", 409


class KeyMadeAlready(DomainError):
    """A form was submitted twice. The key exists and was shown in the first response."""

    code, status = "KEY_MADE_ALREADY", 409


class KeyRotatedAlready(DomainError):
    """A form was submitted twice, or by two people at once: the secret it was meant to replace is no longer current."""

    code, status = "KEY_ROTATED_ALREADY", 409


class NothingToChange(DomainError):
    """The operator's change is already in effect, for example after a double click or on a page left open for long."""

    code, status = "NOTHING_TO_CHANGE", 409


class TeamRefused(DomainError):
    """A change to a team is impossible or already in effect. The message says which."""

    code, status = "TEAM_REFUSED", 409
