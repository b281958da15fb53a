"""Stores audio in a bucket of Google Cloud Storage.

Requires the key file of a service account (GOOGLE_APPLICATION_CREDENTIALS), so that URLs are signed here without a
request to Google. Other kinds of credentials would take one per signature, and every job status contains one.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import IO, Any

from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone
from django.utils.functional import cached_property
from google.api_core.exceptions import GoogleAPIError, NotFound
from google.auth.exceptions import GoogleAuthError
from google.cloud.storage import Blob, Bucket, Client
from google.cloud.storage.retry import DEFAULT_RETRY
from google.oauth2.service_account import Credentials
from requests.exceptions import RequestException
from storages.backends.gcloud import GoogleCloudStorage

from tts.errors import StoreUnavailable
from tts.storage.base import GuardedFile, Options, Readable, content_disposition, content_type, seconds_until

CREDENTIALS_VARIABLE = "GOOGLE_APPLICATION_CREDENTIALS"
SCOPES = ["https://www.googleapis.com/auth/devstorage.read_write"]
TIMEOUT_SECONDS = (3.0, 10.0)  # to connect, to wait for a response
RETRY = DEFAULT_RETRY.with_timeout(20.0)
PART_BYTES = 8 * 1024 * 1024  # in memory at a time
DEFAULT_ENDPOINT = "https://storage.googleapis.com"


class GCSAudioStorage(GoogleCloudStorage):  # type: ignore[misc]  # django-storages has no types
    """Private objects, V4 signatures. `endpoint_url` is another server that supports the JSON API."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._clients = threading.local()

    def get_default_settings(self) -> Options:
        settings: Options = super().get_default_settings()
        return settings | {"endpoint_url": None, "default_acl": None, "file_overwrite": True}

    @cached_property
    def key(self) -> Credentials:
        """The service account's key. Raises ImproperlyConfigured."""
        path = os.environ.get(CREDENTIALS_VARIABLE, "")
        try:
            key: Credentials = Credentials.from_service_account_file(path, scopes=SCOPES)  # type: ignore[no-untyped-call]
        except (OSError, ValueError):
            raise ImproperlyConfigured(
                f"AUDIO_STORE_URL=gs://… needs {CREDENTIALS_VARIABLE}: the path of a service account's key file (JSON)."
            ) from None
        return key

    @property
    def client(self) -> Client:
        """One client per thread: Google's client shares a requests session, which is not thread-safe."""
        if not hasattr(self._clients, "client"):
            self._clients.client = self._new_client()
        client: Client = self._clients.client
        return client

    def _new_client(self) -> Client:
        options = {"api_endpoint": self.endpoint_url} if self.endpoint_url else None
        return Client(project=self.key.project_id, credentials=self.key, client_options=options)

    @cached_property
    def _signing_bucket(self) -> Bucket:
        """From a client that never makes a request, so all threads can use it."""
        return self._new_client().bucket(self.bucket_name)

    def signed_url(self, name: str, *, base_url: str, expires_at: datetime) -> str:
        url: str = self._signing_bucket.blob(self._normalize_name(name)).generate_signed_url(
            version="v4",
            method="GET",
            expiration=seconds_until(expires_at, timezone.now()),
            credentials=self.key,
            api_access_endpoint=self.endpoint_url or DEFAULT_ENDPOINT,
            response_type=content_type(name),
            response_disposition=content_disposition(name),
        )
        return url

    def get_address(self, name: str) -> str:
        return f"gs://{self.bucket_name}/{self._normalize_name(name)}"

    def read_from(self, name: str, skip_bytes: int) -> Readable:
        with _unavailable():
            blob = self._blob(name)
            try:
                blob.reload(timeout=TIMEOUT_SECONDS, retry=RETRY)
            except NotFound:
                raise FileNotFoundError(name) from None
            file = blob.open("rb", timeout=TIMEOUT_SECONDS, retry=RETRY)
            file.seek(skip_bytes)
        return GuardedFile(file, _unavailable)

    def fetch(self, name: str, into: IO[bytes]) -> None:
        with _unavailable():
            try:
                self._blob(name).download_to_file(into, timeout=TIMEOUT_SECONDS, retry=RETRY)
            except NotFound:
                raise FileNotFoundError(name) from None

    def delete(self, name: str) -> None:
        with _unavailable():
            try:
                self._blob(name).delete(timeout=TIMEOUT_SECONDS, retry=RETRY)
            except NotFound:
                return

    def _save(self, name: str, content: Any) -> str:
        with _unavailable():
            self._blob(name).upload_from_file(
                content,
                rewind=True,
                size=content.size,
                content_type=content_type(name),
                timeout=TIMEOUT_SECONDS,
                retry=RETRY,
            )
        return name

    def _blob(self, name: str) -> Blob:
        return self.client.bucket(self.bucket_name).blob(self._normalize_name(name), chunk_size=PART_BYTES)


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except (GoogleAPIError, GoogleAuthError, RequestException) as error:
        raise StoreUnavailable from error
