"""Fetching Kokoro from the model hub, once: resumable, checked, whole or not there.

Owns downloads. Which files those are is `INSTALLS`; what a model must prove is `runtimes`. The hub answers `resolve`
URLs with a redirect to its storage, and says the file's SHA-256 in X-Linked-Etag.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
from django.conf import settings

from speech.engines.kokoro import files
from speech.engines.kokoro.voices import engine_voices

ONNX_REPOSITORY: Final = "onnx-community/Kokoro-82M-v1.0-ONNX"
TORCH_REPOSITORY: Final = "hexgrad/Kokoro-82M"
REVISIONS: Final = {
    ONNX_REPOSITORY: "1939ad2a8e416c0acfeecc08a694d14ef25f2231",
    TORCH_REPOSITORY: "f3ff3571791e39611d31c381e3a41a3af07b4987",
}
TIMEOUT_SECONDS: Final = httpx.Timeout(30.0, connect=10.0)
TRIES: Final = 5  # of one file; each goes on where the one before broke off
SHA256: Final = re.compile(r"[0-9a-f]{64}")

Progress = Callable[[str, int, int], None]  # file, bytes so far, bytes in all (0: not known)


class InstallFailed(Exception):
    """The message says what to do about it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file of a repository and where it goes. `sha256` pins it; "" leaves that to the hub."""

    repository: str
    path: str
    target: str
    sha256: str = ""


_PACKS: Final = [Wanted(ONNX_REPOSITORY, f"voices/{name}.bin", f"voices/{name}.bin") for name in engine_voices()]
INSTALLS: Final = {
    "onnx": [Wanted(ONNX_REPOSITORY, "onnx/model.onnx", files.ONNX_FILE), *_PACKS],
    "torch": [
        Wanted(TORCH_REPOSITORY, "config.json", files.CONFIG_FILE),
        Wanted(
            TORCH_REPOSITORY,
            files.CHECKPOINT_FILE,
            files.CHECKPOINT_FILE,
            sha256="496dba118d1a58f5f3db2efc88dbdc216e0483fc89fe6e47ee1f2c53f18ad1e4",
        ),
        *_PACKS,
    ],
}


def fetch(wanted: Wanted, folder: Path, progress: Progress) -> tuple[str, int]:
    """The file in its place; its SHA-256 and size. What is there already and right is left alone.

    Raises InstallFailed; a part that was fetched stays for the next time.
    """
    target = folder / wanted.target
    part = target.with_name(f"{target.name}.part")
    target.parent.mkdir(parents=True, exist_ok=True)
    url = f"{settings.KOKORO_HUB_URL}/{wanted.repository}/resolve/{REVISIONS[wanted.repository]}/{wanted.path}"
    expected = ""
    for attempt in range(1, TRIES + 1):
        try:
            with httpx.Client(timeout=TIMEOUT_SECONDS, follow_redirects=True) as client:
                expected = wanted.sha256 or _sha256_by_hub(client, url)
                _download(client, url, part, lambda done, total: progress(wanted.target, done, total))
            break
        except httpx.HTTPStatusError as error:
            raise InstallFailed(f"The hub returned {error.response.status_code} for {url}.") from error
        except (httpx.TransportError, EOFError) as error:
            if attempt == TRIES:
                raise InstallFailed(
                    f"The hub cannot be reached ({settings.KOKORO_HUB_URL}: {type(error).__name__}). "
                    "Files already downloaded are kept. Run this command again, "
                    f"or copy the files to {folder} yourself."
                ) from error
    digest = files.compute_sha256(part)
    if expected and digest != expected:
        part.unlink()
        raise InstallFailed(
            f"{wanted.target} is corrupted: its SHA-256 is {digest}, expected {expected}. Run this command again."
        )
    part.replace(target)
    return digest, target.stat().st_size


def _sha256_by_hub(client: httpx.Client, url: str) -> str:
    """As the hub says it of a large file; "" for a small one, of which it knows another kind of checksum."""
    answer = client.head(url, follow_redirects=False)
    if answer.status_code >= 400:
        answer.raise_for_status()
    etag = answer.headers.get("X-Linked-Etag", "").strip('"')
    return etag if SHA256.fullmatch(etag) else ""


def _download(client: httpx.Client, url: str, part: Path, progress: Callable[[int, int], None]) -> None:
    """Appends what is missing. Raises EOFError when the answer broke off without a word."""
    have = part.stat().st_size if part.exists() else 0
    headers = {"Range": f"bytes={have}-"} if have else {}
    with client.stream("GET", url, headers=headers) as answer:
        if answer.status_code == 416:  # it is all there
            return
        answer.raise_for_status()
        if answer.status_code != 206:
            have = 0  # the server begins anew, and so do we
        total = have + int(answer.headers.get("Content-Length", 0))
        with part.open("ab" if have else "wb") as file:
            for chunk in answer.iter_bytes():
                file.write(chunk)
                have += len(chunk)
                progress(have, total)
        if total and have < total:
            raise EOFError
