"""Sends email through the SMTP server of EMAIL_URL, or writes it to files if there is none.

Owns the parsing of EMAIL_URL and the file backend. Templates have the content.
"""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMessage
from django.core.mail.backends import filebased

logger = logging.getLogger(__name__)

FORM = "EMAIL_URL must have the form smtp://user:password@host:587/?tls=1, or smtps://user:password@host:465."


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """An SMTP server. `use_tls` is STARTTLS on a plain connection; `use_ssl` is TLS from the start."""

    host: str
    port: int
    user: str = ""
    password: str = ""
    use_tls: bool = False
    use_ssl: bool = False


def parse_email_url(url: str) -> SmtpServer:
    """Parses EMAIL_URL. Raises ImproperlyConfigured without quoting the URL, which has a password."""
    try:
        parts = urlsplit(url)
        port = parts.port
        query = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
    except ValueError:
        raise ImproperlyConfigured(FORM) from None
    tls = query.pop("tls", "0")
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname or query or tls not in {"0", "1"}:
        raise ImproperlyConfigured(FORM)
    use_ssl = parts.scheme == "smtps"
    if use_ssl and tls == "1":
        raise ImproperlyConfigured("EMAIL_URL: smtps:// already uses TLS; leave out tls=1.")
    return SmtpServer(
        host=parts.hostname,
        port=port or (465 if use_ssl else 587 if tls == "1" else 25),
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        use_tls=tls == "1",
        use_ssl=use_ssl,
    )


class FileBackend(filebased.EmailBackend):
    """Writes each email to a file in EMAIL_FILE_PATH and logs its name, so that its links can be followed.

    The links grant access to accounts, so only the owner of the process can read the folder.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        Path(settings.EMAIL_FILE_PATH).mkdir(mode=0o700, parents=True, exist_ok=True)
        super().__init__(*args, **kwargs)

    def write_message(self, message: EmailMessage) -> None:
        super().write_message(message)
        logger.info("email written to a file: %s, in %s", message.subject, self._get_filename())  # type: ignore[attr-defined]
