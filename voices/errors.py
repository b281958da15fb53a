"""Refusals that concern voices."""

from config.errors import DomainError


class InvalidVoice(DomainError):
    code, status = "INVALID_VOICE", 400
