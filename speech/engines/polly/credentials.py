"""With what credentials, and in which region, Amazon is asked. Looks at the environment and asks nobody.

Credentials are POLLY_ACCESS_KEY_ID and POLLY_SECRET_ACCESS_KEY or, without them, what boto3 finds: AWS_ACCESS_KEY_ID, a
profile, a role of the container. A machine's own role is asked for over the network, so it takes POLLY_INSTANCE_ROLE=1.
"""

import os
from pathlib import Path

from django.conf import settings

FROM_ENVIRONMENT = (
    "AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)  # fmt: skip


def missing_credentials() -> str:
    """Why no call can be made, in one sentence; "" when one may be tried. Asks nobody and imports nothing."""
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
