"""Translates Amazon's errors to ours.

Decides which of Polly's errors are retried. Only their codes are logged: a message may quote a customer's text.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConfigParseError,
    CredentialRetrievalError,
    InvalidRegionError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
)
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from speech.engines.base import EngineError, EngineUnavailable, PermanentEngineError, TransientEngineError

logger = logging.getLogger(__name__)

QUOTA_PAUSE_SECONDS = 10.0  # Polly's limits are requests per second
ABOUT_THE_QUOTA = {"ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown"}
ABOUT_THE_REQUEST = {
    "TextLengthExceededException", "InvalidSsmlException", "LanguageNotSupportedException",
    "EngineNotSupportedException", "InvalidSampleRateException", "ValidationException",
    "SsmlMarksNotSupportedForTextTypeException",
    "LexiconNotFoundException",
}  # fmt: skip
ABOUT_THE_ACCOUNT = {
    "AccessDeniedException", "AccessDenied", "UnrecognizedClientException", "InvalidSignatureException",
    "InvalidClientTokenId", "ExpiredTokenException", "ExpiredToken", "MissingAuthenticationToken", "OptInRequired",
    "SignatureDoesNotMatch", "IncompleteSignature",
}  # fmt: skip


class InvalidEndpoint(Exception):
    """POLLY_ENDPOINT_URL is not a URL."""


@contextmanager
def our_errors() -> Iterator[None]:
    """Converts exceptions of boto3, or of the HTTP library below it, to an EngineError."""
    try:
        yield
    except ClientError as error:
        raise _translate(error) from error
    except (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError) as error:
        logger.warning("Polly credentials failed: %s", type(error).__name__)
        raise EngineUnavailable("The AWS credentials cannot be used.") from error
    except (ProfileNotFound, ConfigParseError, InvalidRegionError, InvalidEndpoint) as error:
        logger.warning("Polly settings are invalid: %s", type(error).__name__)
        raise EngineUnavailable("The AWS settings are invalid. Check the profile, region and endpoint.") from error
    except (ResponseParserError, ValueError) as error:
        logger.warning("Polly response is invalid: %s", type(error).__name__)
        raise TransientEngineError("Amazon's response could not be read.") from error
    except (BotoCoreError, HTTPError, OSError) as error:
        logger.warning("Polly could not be reached: %s", type(error).__name__)
        raise TransientEngineError("Amazon did not respond, or its response was incomplete.") from error


def _translate(error: ClientError) -> EngineError:
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    logger.warning("Polly returned %d %s", status, code)
    if code in ABOUT_THE_QUOTA or status == 429:
        return TransientEngineError("The Amazon Polly quota is currently exhausted.", pause_seconds=QUOTA_PAUSE_SECONDS)
    if code in ABOUT_THE_ACCOUNT or status in (401, 403):
        return EngineUnavailable("This AWS account is not allowed to use Amazon Polly.")
    if code in ABOUT_THE_REQUEST or status == 400:
        return PermanentEngineError("The voice provider rejected this text.")
    return TransientEngineError("Amazon returned an error.")
