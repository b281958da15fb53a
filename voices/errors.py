"""Refusals that concern voices."""

from config.errors import DomainError


class InvalidVoice(DomainError):
    code, status = "INVALID_VOICE", 400
    example = "There is no voice 'espeak:en-US-eSpeak-Nobody'. GET /api/v1/voices lists them."
