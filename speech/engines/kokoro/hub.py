"""Downloads Kokoro's files over HTTP: from the model hub, and from the releases of kokoro-onnx. Resumable.

Both addresses redirect to a storage host.
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
TRIES: Final = 5  # per file since it last made progress; each try resumes where the previous one stopped
CONNECT_TRIES: Final = 2
# UnicodeError: a URL, perhaps of a redirect, with an invalid host name.
NO_ANSWER: Final = (httpx.HTTPError, httpx.InvalidURL, UnicodeError)
BAD_PROXY: Final = (ImportError, ValueError, httpx.InvalidURL)  # a proxy that needs another package, or an invalid URL


def from_hub(wanted: Sequence[File], site: Site) -> Iterator[File]:
    """A place, see `places`. Continues with the other files if the hub lacks one or has different bytes."""
    refused: list[str] = []
    away: set[Base] = set()
    with _client() as client:
        for file in wanted:
            if not file.url_path or file.base in away:
                continue
            url = _url(file)
            site.meter.start(f"downloading {file.name} from {_host(url)}")
            is_continued = site.unfinished(file.pin).exists()
            try:
                _download(client, url, file, site)
                is_right = accept(site, file.pin)
                if not is_right and is_continued:  # the part that it resumed may have been wrong
                    _download(client, url, file, site)
                    is_right = accept(site, file.pin)
            except PlaceFailed as error:
                refused.append(str(error))
                continue
            except NO_ANSWER as error:
                away.add(file.base)  # its other files would time out as well
                refused.append(f"{_host(url)} cannot be reached ({type(error).__name__})")
                continue
            if is_right:
                yield file
            else:
                refused.append(f"{url} has other bytes")
    if refused:
        raise PlaceFailed(", ".join(refused[:2]) + (f", and {len(refused) - 2} more" if len(refused) > 2 else ""))


def is_reachable(file: File) -> bool:
    """Whether the file's address responds, within seconds."""
    try:
        return httpx.head(_url(file), timeout=HEAD_TIMEOUT_SECONDS, follow_redirects=True).is_success
    except (*NO_ANSWER, *BAD_PROXY):
        return False


def _client() -> httpx.Client:
    """Raises PlaceFailed."""
    try:
        return httpx.Client(timeout=TIMEOUT_SECONDS, follow_redirects=True)
    except BAD_PROXY as error:
        raise PlaceFailed("the proxy that the environment names cannot be used") from error


def _host(url: str) -> str:
    """Returns the host, for messages, or the whole URL if it has none."""
    try:
        return httpx.URL(url).host or url
    except httpx.InvalidURL:
        return url


def _url(file: File) -> str:
    bases = {"hub": settings.KOKORO_HUB_URL, "releases": settings.KOKORO_RELEASES_URL}
    return f"{bases[file.base]}/{file.url_path}"


def _download(client: httpx.Client, url: str, file: File, site: Site) -> None:
    """Completes the file's unfinished part.

    Raises PlaceFailed if the response cannot be this file, httpx.TransportError if the connection failed too often.
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
    if have >= size_bytes:  # complete, or not part of this file
        return
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with client.stream("GET", url, headers=headers) as answer:
        if answer.status_code not in (200, 206):
            raise PlaceFailed(f"{url} returned {answer.status_code}")
        if answer.status_code == 200 or not answer.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            if answer.status_code == 206:
                raise PlaceFailed(f"{url} returned another range than was asked for")
            have = 0  # the server restarts from the beginning
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
