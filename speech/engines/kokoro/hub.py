"""Kokoro's files over HTTP: from the model hub, and from the releases of kokoro-onnx. Resumable.

Owns downloads. Both addresses answer with redirects to a storage.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import httpx
from django.conf import settings

from speech.engines.kokoro.places import PlaceFailed, Site, accept
from speech.engines.kokoro.sources import Base, File

TIMEOUT_SECONDS: Final = httpx.Timeout(30.0, connect=10.0)
HEAD_TIMEOUT_SECONDS: Final = 3.0
TRIES: Final = 5  # of one file, since it last brought a byte; each continues where the one before broke off
CONNECT_TRIES: Final = 2


def from_hub(wanted: Sequence[File], site: Site) -> Iterator[File]:
    """A place, see `places`. A file that the hub lacks, or has otherwise, does not keep it from giving the others."""
    refused: list[str] = []
    away: set[Base] = set()
    with httpx.Client(timeout=TIMEOUT_SECONDS, follow_redirects=True) as client:
        for file in wanted:
            if not file.url_path or file.base in away:
                continue
            url = _url(file)
            site.meter.start(f"downloading {file.name} from {httpx.URL(url).host}")
            is_continued = site.unfinished(file.pin).exists()
            try:
                _download(client, url, file, site)
                is_right = accept(site, file.pin)
                if not is_right and is_continued:  # what was there may have been what was wrong
                    _download(client, url, file, site)
                    is_right = accept(site, file.pin)
            except PlaceFailed as error:
                refused.append(str(error))
                continue
            except httpx.TransportError as error:
                away.add(file.base)  # the others of it would wait as long
                refused.append(f"{httpx.URL(url).host} cannot be reached ({type(error).__name__})")
                continue
            if is_right:
                yield file
            else:
                refused.append(f"{url} has other bytes")
    if refused:
        raise PlaceFailed(", ".join(refused[:2]) + (f", and {len(refused) - 2} more" if len(refused) > 2 else ""))


def is_reachable(file: File) -> bool:
    """Whether its address answers, within seconds."""
    try:
        return httpx.head(_url(file), timeout=HEAD_TIMEOUT_SECONDS, follow_redirects=True).is_success
    except httpx.HTTPError:
        return False


def _url(file: File) -> str:
    bases = {"hub": settings.KOKORO_HUB_URL, "releases": settings.KOKORO_RELEASES_URL}
    return f"{bases[file.base]}/{file.url_path}"


def _download(client: httpx.Client, url: str, file: File, site: Site) -> None:
    """Fills the file's unfinished part. Raises PlaceFailed for an answer that is no such file, httpx.TransportError
    when the connection broke too often.
    """
    path = site.unfinished(file.pin)
    failures = 0
    while True:
        before = _size_bytes(path)
        try:
            _continue(client, url, file, site, path)
        except httpx.TransportError as error:
            failures = failures + 1 if _size_bytes(path) <= before else 1
            is_away = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
            if failures >= (CONNECT_TRIES if is_away else TRIES):
                raise
        else:
            return


def _continue(client: httpx.Client, url: str, file: File, site: Site, path: Path) -> None:
    size_bytes = file.pin.size_bytes
    have = _size_bytes(path)
    if have >= size_bytes:  # all of it, or not of this file
        return
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with client.stream("GET", url, headers=headers) as answer:
        if answer.status_code not in (200, 206):
            raise PlaceFailed(f"{url} returned {answer.status_code}")
        if answer.status_code == 200 or not answer.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            if answer.status_code == 206:
                raise PlaceFailed(f"{url} returned another range than was asked for")
            have = 0  # the server begins anew, and so do we
        length = answer.headers.get("Content-Length")
        if length is not None and have + int(length) != size_bytes:
            raise PlaceFailed(f"{url} has {have + int(length):,} bytes instead of {size_bytes:,}")
        with path.open("ab" if have else "wb") as part:
            for chunk in answer.iter_raw():
                part.write(chunk)
                have += len(chunk)
                site.meter.update(have)
                if have > size_bytes:
                    raise PlaceFailed(f"{url} has more than {size_bytes:,} bytes")
    if have < size_bytes:
        raise httpx.RemoteProtocolError("the answer ended early")


def _size_bytes(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
