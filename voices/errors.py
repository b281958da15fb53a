"""Errors about voices."""

from config.errors import DomainError


class InvalidVoice(DomainError):
    code, status = "INVALID_VOICE", 400
    example = "There is no voice 'espeak:en-US-eSpeak-Nobody'. GET /api/v1/voices lists them."


class ModelNotFound(DomainError):
    """The model is not one of the names that OpenAI's clients send."""

    code, status = "MODEL_NOT_FOUND", 404
    example = "The model 'tts-2' does not exist. GET /v1/models lists the available models."


class NameTaken(DomainError):
    code, status = "NAME_TAKEN", 409
