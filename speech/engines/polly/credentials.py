"""Finds the credentials and the region for Amazon. Reads the environment and makes no request.

Credentials are POLLY_ACCESS_KEY_ID and POLLY_SECRET_ACCESS_KEY or, without them, what boto3 finds: AWS_ACCESS_KEY_ID, a
profile, a role of the container. The role of an EC2 instance takes a network request, so it requires
POLLY_INSTANCE_ROLE=1.
"""

import os
from pathlib import Path

from django.conf import settings

FROM_ENVIRONMENT = (
    "AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)  # fmt: skip


def missing_credentials() -> str:
    """Returns why no call can be made, in one sentence; "" if one can be tried. No request, no imports."""
    if not region():
        return "no AWS region is set: POLLY_REGION or AWS_REGION"
    if settings.POLLY_ACCESS_KEY_ID and not settings.POLLY_SECRET_ACCESS_KEY:
        return "POLLY_ACCESS_KEY_ID is set, but POLLY_SECRET_ACCESS_KEY is not"
    if settings.POLLY_ACCESS_KEY_ID or settings.POLLY_INSTANCE_ROLE:
        return ""
    shared = Path(os.environ.get("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials")).expanduser()
    if any(os.environ.get(name) for name in FROM_ENVIRONMENT) or shared.is_file():
        return ""
    return "no AWS credentials are configured: POLLY_ACCESS_KEY_ID or AWS_ACCESS_KEY_ID"


def region() -> str:
    return settings.POLLY_REGION or os.environ.get("AWS_REGION", "") or os.environ.get("AWS_DEFAULT_REGION", "")
