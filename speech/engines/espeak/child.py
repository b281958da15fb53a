"""The child program: the only one that loads the eSpeak NG library.

The library keeps one global state per process, can crash on hostile input, and is GPL-3: hence a separate program that
uses the standard library only and nothing of this service. Run as `child.py LIBRARY_FILE DATA_FOLDER` with one socket
as stdin and stdout.

Input: one JSON object per line, `{"text": str, "voice": str, "rate_wpm": int, "is_markup": bool}`; `voice` is an eSpeak
identifier with an optional variant (`gmw/en-US+Annie`); markup is eSpeak's SSML, never a caller's. Or `{"phonemes_of":
str, "voice": str}`. One request at a time: the next is read after the response is complete.

Output: frames of one kind byte, the payload's length as 4 bytes little-endian, and the payload:

    H  once, at the start: JSON {"version": str, "rate_hertz": int}
    P  samples: mono, signed 16-bit little-endian, about BUFFER_MS of them
    E  the request is complete; empty
    T  phonemes, as UTF-8
    X  it failed: JSON {"permanent": bool, "detail": str}; instead of H: the library does not load

The program exits at the end of its input, and as soon as the other end of its socket is closed, even while busy.
"""

import ctypes
import json
import os
import resource
import select
import signal
import struct
import sys
import threading
from _ctypes import dlclose
from collections.abc import Callable

BUFFER_MS = 200  # one callback and one frame; the library generates this in well under a millisecond

# From espeak-ng's speak_lib.h, version 1.52.
AUDIO_OUTPUT_SYNCHRONOUS = 2
INITIALIZE_DONT_EXIT = 0x8000
POS_CHARACTER = 1
# UTF-8, and never [[phonemes]] (0x100). SSML can open files that it names: use it only for markup from `markup`.
SYNTH_UTF8 = 1
SYNTH_SSML = 0x10
PARAMETER_RATE_WPM = 1
CHARS_UTF8 = 1
PHONEMES_IPA = 0x02
PHONEMES_TIED = 0x80 | ord("^") << 8  # joins the parts of one sound, such as a diphthong
EE_OK = 0

SampleCallback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class RequestError(Exception):
    """The request cannot be spoken."""

    def __init__(self, detail: str, *, permanent: bool) -> None:
        super().__init__(detail)
        self.permanent = permanent


class Library:
    """One loaded copy of the library: loaded, used for one request, unloaded.

    The library has no call that resets it. Its oscillator, flutter and gain are static variables, so speech would
    depend on previous requests; unloading discards them. A fresh copy costs 0.5 ms (measured).
    """

    def __init__(self, library_path: str, data_path: str) -> None:
        self._lib = ctypes.CDLL(library_path)
        self._lib.espeak_Info.restype = ctypes.c_char_p
        self._lib.espeak_Synth.argtypes = [
            ctypes.c_char_p,  # text
            ctypes.c_size_t,  # its length in bytes, including the final NUL
            ctypes.c_uint,  # start position
            ctypes.c_int,  # unit of the start position
            ctypes.c_uint,  # end position: none
            ctypes.c_uint,  # flags
            ctypes.c_void_p,  # identifier: not used
            ctypes.c_void_p,  # user data: none
        ]
        self.rate_hertz: int = self._lib.espeak_Initialize(
            AUDIO_OUTPUT_SYNCHRONOUS, BUFFER_MS, os.fsencode(data_path), INITIALIZE_DONT_EXIT
        )
        if self.rate_hertz <= 0:
            raise OSError("espeak_Initialize failed")
        self.version: str = (self._lib.espeak_Info(None) or b"").decode()

    def synthesise(
        self, text: str, *, voice: str, rate_wpm: int, is_markup: bool, write: Callable[[bytes], None]
    ) -> None:
        """Passes the samples to `write`, chunk by chunk. Raises RequestError."""

        def on_samples(samples: "ctypes._Pointer[ctypes.c_short] | None", count: int, _events: int) -> int:
            if samples and count > 0:
                write(ctypes.string_at(samples, count * 2))
            return 0

        callback = SampleCallback(on_samples)  # a local variable, so that it outlives the calls below
        self._lib.espeak_SetSynthCallback(callback)
        if self._lib.espeak_SetVoiceByName(voice.encode()) != EE_OK:
            raise RequestError("no such voice", permanent=True)
        if self._lib.espeak_SetParameter(PARAMETER_RATE_WPM, rate_wpm, 0) != EE_OK:
            raise RequestError("speed rejected", permanent=True)
        data = text.encode()
        flags = SYNTH_UTF8 | (SYNTH_SSML if is_markup else 0)
        code = self._lib.espeak_Synth(data, len(data) + 1, 0, POS_CHARACTER, 0, flags, None, None)
        if code != EE_OK:
            raise RequestError(f"espeak_Synth returned {code}", permanent=False)

    def phonemes(self, text: str, *, voice: str) -> str:
        """Returns IPA, clause by clause. Raises RequestError."""
        if self._lib.espeak_SetVoiceByName(voice.encode()) != EE_OK:
            raise RequestError("no such voice", permanent=True)
        translate = self._lib.espeak_TextToPhonemes
        translate.restype = ctypes.c_char_p
        translate.argtypes = [ctypes.POINTER(ctypes.c_char_p), ctypes.c_int, ctypes.c_int]
        rest = ctypes.c_char_p(text.encode())
        clauses = []
        while rest.value:  # the library advances it, and sets it to NULL at the end
            clauses.append((translate(ctypes.byref(rest), CHARS_UTF8, PHONEMES_IPA | PHONEMES_TIED) or b"").decode())
        return " ".join(clause.strip() for clause in clauses if clause.strip())

    def unload(self) -> None:
        """Frees the copy, which must not be used afterwards."""
        self._lib.espeak_Terminate()
        dlclose(self._lib._handle)


def main(library_path: str, data_path: str) -> int:
    """Serves requests until the input ends. Returns exit status 1 if the library does not load."""
    # Stopping the service closes the socket. A signal sent to the whole group must not interrupt a sentence.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would contain a customer's text
    output_fd = os.dup(1)
    os.dup2(2, 1)  # what the library prints must not end up between frames
    threading.Thread(target=exit_when_alone, args=(output_fd,), daemon=True).start()

    def send(kind: bytes, payload: bytes = b"") -> None:
        frame = memoryview(struct.pack("<cI", kind, len(payload)) + payload)
        try:
            while frame:
                frame = frame[os.write(output_fd, frame) :]
        except OSError:
            os._exit(0)  # the reader is gone; an exception would be lost in the library's callback

    try:
        library = Library(library_path, data_path)
    except (OSError, AttributeError) as error:
        send(b"X", json.dumps({"permanent": True, "detail": str(error)}).encode())
        return 1
    send(b"H", json.dumps({"version": library.version, "rate_hertz": library.rate_hertz}).encode())

    for line in sys.stdin.buffer:
        request = json.loads(line)
        try:
            if "phonemes_of" in request:
                send(b"T", library.phonemes(request["phonemes_of"], voice=request["voice"]).encode())
            else:
                library.synthesise(
                    request["text"],
                    voice=request["voice"],
                    rate_wpm=request["rate_wpm"],
                    is_markup=request["is_markup"],
                    write=lambda samples: send(b"P", samples),
                )
        except RequestError as error:
            send(b"X", json.dumps({"permanent": error.permanent, "detail": str(error)}).encode())
        else:
            send(b"E")
        library.unload()
        library = Library(library_path, data_path)
    return 0


def exit_when_alone(socket_fd: int) -> None:
    """Exits once the other end of the socket is closed, even while the library is busy and writes nothing."""
    poller = select.poll()
    poller.register(socket_fd, 0)  # without any requested events, only a hang-up is reported
    poller.poll()
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
