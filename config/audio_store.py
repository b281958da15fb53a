"""Translates AUDIO_STORE_URL to an entry of Django's STORAGES.

    (empty)                                            files under DATA_DIR/audio
    s3://bucket/prefix?region=eu-central-1             Amazon S3
    s3://bucket?endpoint_url=https://s3.example.com    another S3 server, addressed by path
    gs://bucket/prefix                                 Google Cloud Storage

The URL never has credentials: boto3 and Google's library find them in the environment.
"""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from django.core.exceptions import ImproperlyConfigured

BACKENDS = {"s3": "tts.storage.s3.S3AudioStorage", "gs": "tts.storage.gcs.GCSAudioStorage"}
# Query parameters, and the storage's option for each.
OPTIONS = {
    "s3": {
        "region": "region_name",
        "endpoint_url": "endpoint_url",  # for our requests
        "public_endpoint_url": "public_endpoint_url",  # for URLs given to callers, if different
        "addressing_style": "addressing_style",
    },
    "gs": {"endpoint_url": "endpoint_url"},
}
ADDRESSING_STYLES = ("path", "virtual")


def audio_storage(url: str, *, local_folder: Path) -> dict[str, Any]:
    """Returns the entry of STORAGES.

    Raises ImproperlyConfigured without quoting the URL, because someone may have put a key into it.
    """
    if not url:
        return {"BACKEND": "tts.storage.local.LocalAudioStorage", "OPTIONS": {"location": local_folder}}
    parts = urlsplit(url)
    if parts.scheme not in BACKENDS:
        raise ImproperlyConfigured(
            "AUDIO_STORE_URL must start with s3:// or gs://, or be empty to store files in DATA_DIR."
        )
    if not parts.hostname or parts.netloc != parts.hostname:
        raise ImproperlyConfigured(
            f"AUDIO_STORE_URL must name a bucket and nothing else before its path: {parts.scheme}://bucket/prefix. "
            "Credentials are taken from the environment."
        )
    options = {"bucket_name": parts.netloc, "location": parts.path.strip("/")}
    known = OPTIONS[parts.scheme]
    for name, value in parse_qsl(parts.query):
        if name not in known:
            raise ImproperlyConfigured(
                f"AUDIO_STORE_URL has an unknown option {name!r}; {parts.scheme}:// has {', '.join(known)}."
            )
        options[known[name]] = value
    if parts.scheme == "s3":
        # Servers other than Amazon's rarely have a host name per bucket.
        options.setdefault("addressing_style", "path" if "endpoint_url" in options else "virtual")
        if options["addressing_style"] not in ADDRESSING_STYLES:
            raise ImproperlyConfigured("AUDIO_STORE_URL's addressing_style must be path or virtual.")
    return {"BACKEND": BACKENDS[parts.scheme], "OPTIONS": options}
