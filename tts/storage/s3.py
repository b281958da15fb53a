"""Stores audio in a bucket of Amazon S3, or of any compatible server.

Changes django-storages: one client per process instead of a resource per thread (under ASGI each request has its own
thread, and a new client costs 65 to 100 ms; a signature by an existing one costs 0.2 ms), timeouts everywhere, and
bounded memory.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import IO, Any

from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.utils import timezone
from django.utils.functional import cached_property
from storages.backends.s3 import S3Storage

from tts.errors import StoreUnavailable
from tts.storage.base import (
    GuardedFile,
    Options,
    Readable,
    cache_control,
    content_disposition,
    content_type,
    seconds_until,
)

CONNECT_TIMEOUT_SECONDS = 3
READ_TIMEOUT_SECONDS = 10
ATTEMPTS = 2  # per request; the job itself is retried, too
PART_BYTES = 8 * 1024 * 1024  # in memory at a time; S3 takes 10,000 parts, so files up to 78 GiB


class S3AudioStorage(S3Storage):  # type: ignore[misc]  # django-storages has no types
    """Private objects, V4 signatures. `public_endpoint_url` is the endpoint of signed URLs, if not `endpoint_url`."""

    def get_default_settings(self) -> Options:
        settings: Options = super().get_default_settings()
        return settings | {"public_endpoint_url": None, "default_acl": None, "file_overwrite": True}

    def signed_url(self, name: str, *, base_url: str, expires_at: datetime) -> str:
        url: str = self._signing_client.generate_presigned_url(
            "get_object",
            Params={
                "Bucket": self.bucket_name,
                "Key": self._normalize_name(name),
                "ResponseContentType": content_type(name),
                "ResponseContentDisposition": content_disposition(name),
                "ResponseCacheControl": cache_control(name),
            },
            ExpiresIn=seconds_until(expires_at, timezone.now()),
        )
        return url

    def get_address(self, name: str) -> str:
        return f"s3://{self.bucket_name}/{self._normalize_name(name)}"

    def read_from(self, name: str, skip_bytes: int) -> Readable:
        with _unavailable():
            try:
                answer = self._shared_client.get_object(
                    Bucket=self.bucket_name, Key=self._normalize_name(name), Range=f"bytes={skip_bytes}-"
                )
            except self._shared_client.exceptions.NoSuchKey:
                raise FileNotFoundError(name) from None
        return GuardedFile(answer["Body"], _unavailable)

    def fetch(self, name: str, into: IO[bytes]) -> None:
        with self.read_from(name, 0) as body:
            shutil.copyfileobj(body, into)

    def delete(self, name: str) -> None:
        with _unavailable():
            self._shared_client.delete_object(Bucket=self.bucket_name, Key=self._normalize_name(name))

    def _save(self, name: str, content: Any) -> str:
        with _unavailable():
            self._shared_client.upload_fileobj(
                content,
                self.bucket_name,
                self._normalize_name(name),
                ExtraArgs={"ContentType": content_type(name)},
                Config=TransferConfig(
                    multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES, use_threads=False
                ),
            )
        return name

    @cached_property
    def _shared_client(self) -> Any:
        return self._client(self.endpoint_url)

    @cached_property
    def _signing_client(self) -> Any:
        return self._client(self.public_endpoint_url) if self.public_endpoint_url else self._shared_client

    def _client(self, endpoint_url: str | None) -> Any:
        config = Config(
            signature_version="s3v4",
            s3={"addressing_style": self.addressing_style},
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            read_timeout=READ_TIMEOUT_SECONDS,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            # Many servers do not support the trailing checksums that newer SDKs send by default.
            request_checksum_calculation="when_required" if endpoint_url else "when_supported",
        )
        return self._create_session().client(
            "s3", region_name=self.region_name, endpoint_url=endpoint_url, config=config
        )


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except (Boto3Error, BotoCoreError, ClientError) as error:
        raise StoreUnavailable from error
