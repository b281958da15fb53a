"""One running child: starting it, asking it, judging its silence.

Owns the parent's half of the protocol that `child` documents. Which child does which work is the pool's
business.
"""

import contextlib
import json
import logging
import os
import socket
import struct
import subprocess
from collections.abc import Generator, Sequence

from speech.engines.base import EngineUnavailable, PermanentEngineError, TransientEngineError

logger = logging.getLogger(__name__)

# A healthy child answers within milliseconds. Ten seconds without one byte, on a machine however busy, is
# a hang.
SILENCE_TIMEOUT_S = 10.0

_FRAME_HEADER = struct.Struct("<cI")
# A frame carries 200 ms, under 9 KB. Anything near this is not a frame but a child that lost its place.
_MAX_FRAME_BYTES = 1 << 20


class EspeakProcess:
    """A child and our end of its socket. Used by one thread at a time; `interrupt` may come from any."""

    def __init__(self, command: Sequence[str], *, silence_timeout_s: float = SILENCE_TIMEOUT_S) -> None:
        """Start the program and wait for its greeting. Raises EngineUnavailable when it cannot work here."""
        self._socket, child_socket = socket.socketpair()
        self._socket.settimeout(silence_timeout_s)
        with child_socket:
            try:
                self._process: subprocess.Popen[bytes] = subprocess.Popen(
                    command,
                    stdin=child_socket.fileno(),
                    stdout=child_socket.fileno(),
                    stderr=subprocess.DEVNULL,
                    # It reads text from strangers with a library in C: it gets none of the service's secrets.
                    env={"LC_ALL": "C.UTF-8"},
                    cwd="/",
                    start_new_session=True,  # Ctrl-C in the terminal is for the service alone
                )
            except OSError as error:
                self._socket.close()
                logger.warning("eSpeak process failed to start: %s", error)
                raise EngineUnavailable("The eSpeak NG process could not be started.") from error
        try:
            kind, payload = self._read_frame()
            greeting = json.loads(payload)
            if kind != b"H":
                logger.warning("eSpeak process failed to initialize: %s", greeting.get("detail"))
                raise EngineUnavailable("The eSpeak NG library could not be loaded.")
            self.version: str = greeting["version"]
            self.rate_hertz: int = greeting["rate_hertz"]
        except BaseException as error:
            self.kill()
            if isinstance(error, TransientEngineError | ValueError | LookupError | TypeError | AttributeError):
                raise EngineUnavailable("The eSpeak NG process is not responding.") from error
            raise

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    def is_running(self) -> bool:
        """Whether the child lives, as far as the system knows by now."""
        return self._process.poll() is None

    def synthesise(
        self, *, text: str, voice: str, rate_wpm: int, is_markup: bool = False
    ) -> Generator[bytes, None, None]:
        """Yield the child's samples. After any exception, GeneratorExit too, the child must be killed.

        Raises TransientEngineError when it crashes, hangs or talks nonsense, PermanentEngineError when it
        refuses.
        """
        request = json.dumps({"text": text, "voice": voice, "rate_wpm": rate_wpm, "is_markup": is_markup})
        try:
            self._socket.sendall(request.encode() + b"\n")
        except OSError as error:
            raise self._failure("did not accept the request", error) from error
        while True:
            kind, payload = self._read_frame()
            if kind == b"P" and payload and len(payload) % 2 == 0:
                yield payload
            elif kind == b"E" and not payload:
                return
            elif kind == b"X":
                raise self._refusal(payload)
            else:
                raise self._failure("sent an invalid frame", None)

    def phonemes(self, *, text: str, voice: str) -> str:
        """What the child reads in a text. Raises as `synthesise` does, and then the child must be killed, too."""
        try:
            self._socket.sendall(json.dumps({"phonemes_of": text, "voice": voice}).encode() + b"\n")
        except OSError as error:
            raise self._failure("did not accept the request", error) from error
        phonemes = b""
        while True:
            kind, payload = self._read_frame()
            if kind == b"T":
                phonemes += payload
            elif kind == b"E" and not payload:
                return phonemes.decode()
            elif kind == b"X":
                raise self._refusal(payload)
            else:
                raise self._failure("sent an invalid frame", None)

    def interrupt(self) -> None:
        """End the child under the thread that uses it; that thread's next read fails, and it must `kill`."""
        self._process.kill()

    def kill(self) -> None:
        """End the child now and free what it held here. Harmless when it has ended already."""
        self._process.kill()
        self._process.wait()
        self._socket.close()

    def forget(self) -> None:
        """In a process forked from the child's parent: let go of the child without touching it."""
        # The inherited copy of the socket would keep the child alive after its parent. The return code:
        # so that this copy never again asks or signals a process that isn't its own.
        self._process.returncode = 0
        self._socket.close()

    def _read_frame(self) -> tuple[bytes, bytes]:
        kind, payload_bytes = _FRAME_HEADER.unpack(self._read_exactly(_FRAME_HEADER.size))
        if payload_bytes > _MAX_FRAME_BYTES:
            raise self._failure("announced a frame that is too large", None)
        return kind, self._read_exactly(payload_bytes)

    def _read_exactly(self, wanted_bytes: int) -> bytes:
        received = bytearray()
        while len(received) < wanted_bytes:
            try:
                piece = self._socket.recv(wanted_bytes - len(received))
            except OSError as error:  # TimeoutError is one of them
                raise self._failure("stopped responding", error) from error
            if not piece:
                # The end of its output comes a moment before the end of the process; the log wants the
                # status.
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(timeout=1)
                raise self._failure("ended", None)
            received += piece
        return bytes(received)

    def _refusal(self, payload: bytes) -> Exception:
        try:
            refusal = json.loads(payload)
            permanent, detail = bool(refusal["permanent"]), str(refusal["detail"])
        except (ValueError, KeyError, TypeError) as error:
            return self._failure("sent an invalid error", error)
        logger.warning("eSpeak process %d rejected a request: %s", self.pid, detail)
        kind = PermanentEngineError if permanent else TransientEngineError
        return kind("The speech engine could not speak this text with this voice.")

    def _failure(self, what: str, error: Exception | None) -> TransientEngineError:
        status = self._process.returncode
        logger.warning("eSpeak process %d %s (exit status %s): %r", self.pid, what, status, error)
        return TransientEngineError("The speech engine stopped unexpectedly.")


def child_command(*, python: str, program: os.PathLike[str], library_path: str, data_path: str) -> list[str]:
    """A child's command line: isolated (-I), no site-packages (-S): the standard library and no more."""
    return [python, "-I", "-S", os.fspath(program), library_path, data_path]
