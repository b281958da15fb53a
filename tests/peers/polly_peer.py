"""A small Amazon Polly for the tests: an HTTP server that speaks its protocol and checks signatures' presence.

What it says is real speech (eSpeak's) of the length that the text takes. The people are those of moto's copy of
Amazon's list. It has bad days on request: `peer.plan(Half(), Refuse("ThrottlingException", 400))` are those of the next
two calls that ask for speech; None is a good day.
"""

import json
import re
import threading
from collections import deque
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from moto.polly.resources import VOICE_DATA

from speech.audio.encoder import Encoder
from speech.audio.formats import Encoding
from speech.audio.wav import WAV_HEADER_BYTES
from speech.engines.base import Segment
from speech.engines.espeak import EspeakEngine
from tests.peers.google_peer import VENDORS_WORDS, Cut, Garbage, Half, Hang, Nothing, Silence
from tests.support.engines import RATE_HERTZ as ESPEAK_RATE_HERTZ

RATE_HERTZ = 16_000
MAX_BILLED_CHARS = 3_000
PAGE = 40
GENERATIVE = {"Brian", "Joanna", "Danielle"}  # moto's list is older than their engine


@dataclass(frozen=True)
class Refuse:
    """An error in place of an answer."""

    code: str
    status: int = 400


@dataclass(frozen=True)
class Trickle:
    """Good audio, of which a little comes now and then: until `peer.release` is set."""


@dataclass(frozen=True)
class Odd:
    """Half a sample too many, or too few."""


BadDay = Refuse | Trickle | Odd | Half | Cut | Garbage | Hang | Nothing | Silence


class PollyPeer:
    """`asked`: the bodies of the requests for speech, as they came."""

    def __init__(self) -> None:
        self.engine = EspeakEngine()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.listings: list[dict[str, list[str]]] = []
        self.listing_error: Refuse | Garbage | None = None
        self.people = [person | {"SupportedEngines": _engines(person)} for person in VOICE_DATA]
        self.release = threading.Event()
        self.most_at_once = 0
        self._at_once = 0
        self._bad_days: deque[BadDay | None] = deque()

    def plan(self, *bad_days: BadDay | None) -> None:
        self._bad_days.extend(bad_days)

    def next_day(self) -> BadDay | None:
        with self._lock:
            return self._bad_days.popleft() if self._bad_days else None

    @contextmanager
    def counted(self) -> Any:
        with self._lock:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            yield
        finally:
            with self._lock:
                self._at_once -= 1

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.release.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self.engine.close()

    def say(self, text: str) -> bytes:
        """16 kHz, mono, s16le; tags are not said."""
        words = re.sub(r"<[^>]*>", " ", text)
        pcm = b"".join(self.engine.speak(Segment(text=words, engine_voice="gmw/en-US+Lee", language="en-US")))
        with Encoder(
            Encoding("wav", RATE_HERTZ, None, 1), input_rate_hertz=ESPEAK_RATE_HERTZ, streaming=False
        ) as encoder:
            return (encoder.feed(pcm) + encoder.close())[WAV_HEADER_BYTES:]


def _engines(person: dict[str, Any]) -> list[str]:
    return [*person["SupportedEngines"], *(["generative"] if person["Id"] in GENERATIVE else [])]


def _handler_of(peer: PollyPeer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            peer.listings.append(query)
            if isinstance(peer.listing_error, Garbage):
                self.answer(b"<html>Welcome to the hotel's network</html>", "text/html")
                return
            if peer.listing_error is not None:
                self.refuse(peer.listing_error)
                return
            start = int(query.get("NextToken", ["0"])[0])
            page: dict[str, Any] = {"Voices": peer.people[start : start + PAGE]}
            if start + PAGE < len(peer.people):
                page["NextToken"] = str(start + PAGE)
            self.answer(json.dumps(page).encode(), "application/json")

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with peer.counted():
                peer.asked.append(body)
                assert self.headers["Authorization"].startswith("AWS4-HMAC-SHA256 ")
                assert (body["OutputFormat"], body["SampleRate"]) == ("pcm", str(RATE_HERTZ))
                day = peer.next_day()
                if len(re.sub(r"<[^>]*>", "", body["Text"])) > MAX_BILLED_CHARS:
                    self.refuse(Refuse("TextLengthExceededException"))
                    return
                pcm = peer.say(body["Text"])
                match day:
                    case Refuse():
                        self.refuse(day)
                    case Half():
                        self.answer(pcm[: len(pcm) // 4 * 2])
                    case Nothing():
                        self.answer(b"")
                    case Silence():
                        self.answer(bytes(len(pcm)))
                    case Garbage():
                        self.answer(b"<html>Bad gateway</html>", "text/html")
                    case Odd():
                        self.answer(pcm[:-1])
                    case Trickle():
                        self.trickle(pcm)
                    case Cut():
                        self.answer(pcm, cut=True)
                    case Hang():
                        peer.release.wait(30)
                        self.close_connection = True
                    case None:
                        self.answer(pcm)

        def answer(self, body: bytes, content_type: str = "audio/pcm", *, cut: bool = False) -> None:
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if cut else body)
            self.close_connection = cut

        def trickle(self, pcm: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "audio/pcm")
            self.send_header("Content-Length", str(len(pcm)))
            self.end_headers()
            self.close_connection = True
            with suppress(OSError):  # nobody listens any more
                for start in range(0, len(pcm), 1_024):
                    self.wfile.write(pcm[start : start + 1_024])
                    peer.release.wait(0.02)

        def refuse(self, error: Refuse) -> None:
            body = json.dumps({"message": f"{VENDORS_WORDS} {error.code}"}).encode()
            self.send_response(error.status)
            self.send_header("x-amzn-ErrorType", error.code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: Any) -> None:
            """Quiet."""

    return Handler
