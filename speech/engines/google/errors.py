"""Translates Google's errors to ours.

Decides which of Google's statuses are retried. Google's messages go to the log, but only those that cannot quote a
customer; the message about a rejected request may ("Sentence starting with …").
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import grpc
from google.api_core import exceptions as google_errors
from google.auth.exceptions import GoogleAuthError, TransportError
from google.rpc.error_details_pb2 import RetryInfo

from speech.engines.base import EngineError, EngineUnavailable, PermanentEngineError, TransientEngineError

logger = logging.getLogger(__name__)

QUOTA_PAUSE = timedelta(seconds=30)  # Google's quotas are per minute; half a window, unless the response says how long
MAX_QUOTA_PAUSE = timedelta(minutes=5)

_ABOUT_THE_REQUEST = (
    google_errors.InvalidArgument,
    google_errors.OutOfRange,
    google_errors.FailedPrecondition,
    google_errors.NotFound,
    google_errors.MethodNotImplemented,
)
_ABOUT_THE_ACCOUNT = (google_errors.PermissionDenied, google_errors.Unauthenticated)


@contextmanager
def our_errors() -> Iterator[None]:
    """Converts exceptions of Google's library, or of gRPC below it, to an EngineError."""
    try:
        yield
    except grpc.RpcError as error:
        raise _translate(google_errors.from_grpc_error(error)) from error
    except (google_errors.GoogleAPIError, GoogleAuthError) as error:
        raise _translate(error) from error


def _translate(error: google_errors.GoogleAPIError | GoogleAuthError) -> EngineError:
    if isinstance(error, GoogleAuthError):
        logger.warning("Google credentials failed: %s", type(error).__name__)
        if isinstance(error, TransportError):
            return TransientEngineError("Google could not be reached to authenticate.")
        return EngineUnavailable("Google rejected the service account key.")
    status = getattr(error, "grpc_status_code", None)
    name = status.name if status is not None else type(error).__name__
    if isinstance(error, _ABOUT_THE_REQUEST):
        logger.warning("Google rejected a request: %s %s", name, getattr(error, "reason", None) or "")
        return PermanentEngineError("The voice provider rejected this text.")
    logger.warning("Google: %s %s", name, getattr(error, "message", ""))
    if isinstance(error, _ABOUT_THE_ACCOUNT):
        return EngineUnavailable("This service account is not allowed to use Google Text-to-Speech.")
    if isinstance(error, google_errors.ResourceExhausted):
        return TransientEngineError(
            "The Google quota is currently exhausted.", pause_seconds=_quota_pause(error).total_seconds()
        )
    return TransientEngineError(f"Google returned an error: {name}.")


def _quota_pause(error: google_errors.GoogleAPICallError) -> timedelta:
    for detail in error.details:
        if isinstance(detail, RetryInfo):
            said: timedelta = detail.retry_delay.ToTimedelta()
            return min(max(said, timedelta(seconds=1)), MAX_QUOTA_PAUSE)
    return QUOTA_PAUSE
