"""Collects static files only if they changed: compressing them takes longer than the rest of a start."""

import hashlib

from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management import call_command


def collect_static_files() -> bool:
    """Updates STATIC_ROOT. Returns False if it was up to date."""
    stamp = settings.STATIC_ROOT / ".collected"
    fingerprint = _fingerprint()
    if stamp.is_file() and stamp.read_text() == fingerprint:
        return False
    call_command("collectstatic", verbosity=0, interactive=False)
    stamp.write_text(fingerprint)
    stamp.chmod(staticfiles_storage.file_permissions_mode)  # type: ignore[attr-defined]
    return True


def _fingerprint() -> str:
    """Returns a hash of our own static files, and of the requirements, whose packages have static files too."""
    found = hashlib.sha256((settings.BASE_DIR / "requirements.txt").read_bytes())
    for path in sorted((settings.BASE_DIR / "static").rglob("*")):
        if path.is_file():
            found.update(f"{path.relative_to(settings.BASE_DIR)}\n".encode() + path.read_bytes())
    return found.hexdigest()
