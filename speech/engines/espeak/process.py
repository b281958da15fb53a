"""Runs one child: starts it, sends requests, and detects when it hangs.

This is the parent's half of the protocol that `child` documents. The pool decides which child does which work.
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

# A healthy child answers within milliseconds. Ten seconds without one byte is a hang, even on a busy machine.
SILENCE_TIMEOUT_S = 10.0

_FRAME_HEADER = struct.Struct("<cI")
# A frame carries 200 ms, under 9 KB. A size near this limit means that the stream is corrupt.
_MAX_FRAME_BYTES = 1 << 20


class EspeakProcess:
    """A child and our end of its socket. Used by one thread at a time; `interrupt` may be called from any."""

    def __init__(self, command: Sequence[str], *, silence_timeout_s: float = SILENCE_TIMEOUT_S) -> None:
        """Starts the program and waits for its greeting. Raises EngineUnavailable if it cannot work here."""
        self._socket, child_socket = socket.socketpair()
        self._socket.settimeout(silence_timeout_s)
        with child_socket:
            try:
                self._process: subprocess.Popen[bytes] = subprocess.Popen(
                    command,
                    stdin=child_socket.fileno(),
                    stdout=child_socket.fileno(),
                    stderr=subprocess.DEVNULL,
                    # It processes untrusted text with a C library, so it gets none of the service's secrets.
                    env={"LC_ALL": "C.UTF-8"},
                    cwd="/",
                    start_new_session=True,  # so that Ctrl-C in the terminal reaches the service only
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
        """Whether the child is running, as far as the system knows."""
        return self._process.poll() is None

    def synthesise(
        self, *, text: str, voice: str, rate_wpm: int, is_markup: bool = False
    ) -> Generator[bytes, None, None]:
        """Yields the child's samples. After any exception, including GeneratorExit, the child must be killed.

        Raises TransientEngineError if the child crashes, hangs or sends invalid data, PermanentEngineError if it
        rejects the request.
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
        """Returns the phonemes of a text. Raises like `synthesise`, after which the child must also be killed."""
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
        """Ends the child while another thread uses it; that thread's next read fails, and it must call `kill`."""
        self._process.kill()

    def kill(self) -> None:
        """Ends the child now and frees its resources. Has no effect if it has already ended."""
        self._process.kill()
        self._process.wait()
        self._socket.close()

    def forget(self) -> None:
        """Releases the child without touching it, in a process forked from the child's parent."""
        # The inherited copy of the socket would keep the child alive after its parent. The return code is set so that
        # this copy never polls or signals a process that isn't its own.
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
            except OSError as error:  # includes TimeoutError
                raise self._failure("stopped responding", error) from error
            if not piece:
                # The output ends a moment before the process does; wait for the exit status, for the log.
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
    """Returns a child's command line: isolated (-I) and without site-packages (-S), so the standard library only."""
    return [python, "-I", "-S", os.fspath(program), library_path, data_path]
