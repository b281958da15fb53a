"""The eSpeak NG engine: what the job pipeline, the catalogue and the operators see of it.

Owns the way from a segment to samples: cleaning the text, choosing the pace, borrowing a child, stretching.
"""

import importlib
import sys
import unicodedata
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

from tts.audio.tempo import stretch
from tts.engines.base import EngineUnavailable, PermanentEngineError, Segment
from tts.engines.espeak.pace import split_speed
from tts.engines.espeak.pool import ProcessPool
from tts.engines.espeak.process import SILENCE_TIMEOUT_S, EspeakProcess, child_command
from tts.engines.espeak.voices import LANGUAGES, PROVIDER, RATE_HERTZ, voice_entries
from voices.catalogue import VoiceEntry

CHILD_PROGRAM = Path(__file__).with_name("child.py")


class EspeakEngine:
    """The embedded engine. See `tts.engines.base.Engine` for what the public methods promise."""

    name = PROVIDER
    queue = "speech.espeak"

    def __init__(
        self, *, program: Path = CHILD_PROGRAM, silence_timeout_s: float = SILENCE_TIMEOUT_S
    ) -> None:
        """`program` is what runs as a child; one that says nothing for `silence_timeout_s` is given up."""
        self._program = program
        self._silence_timeout_s = silence_timeout_s
        self._pool = ProcessPool(self._start_process)
        self._voices = {entry.engine_voice: entry for entry in voice_entries()}
        self._proved_available = False

    def voices(self) -> list[VoiceEntry]:
        """The table of voices; true whether or not the library loads."""
        return list(self._voices.values())

    def unavailable_reason(self) -> str:
        """Proved by starting a child, once per process. A failure is looked at again: a repair shows."""
        if not self._proved_available:
            try:
                self._start_process().kill()
            except EngineUnavailable as error:
                return str(error)
            self._proved_available = True
        return ""

    def sample_rate_hertz(self, engine_voice: str) -> int:
        """The same for all its voices."""
        return self._entry(engine_voice).native_rate_hertz

    def speak(self, segment: Segment) -> Generator[bytes, None, None]:
        """Speak plain text. SSML and markup are refused; what looks like them in plain text is text."""
        # Only voices of the table: the library would take any other name as the path of a file to read.
        self._entry(segment.engine_voice)
        if segment.text_format != "text":
            raise PermanentEngineError("eSpeak voices take plain text only.")
        rate_wpm, tempo = split_speed(segment.speed)
        text = plain_text(segment.text)
        if not text.strip():
            return
        # The inner generator is closed here and not by the garbage collector: work ends with this generator.
        with (
            self._pool.lend() as process,
            closing(process.synthesise(text=text, voice=segment.engine_voice, rate_wpm=rate_wpm)) as pcm,
        ):
            yield from stretch(pcm, rate_hertz=process.rate_hertz, tempo=tempo)

    def warm_up(self) -> None:
        """Have one child ready."""
        with self._pool.lend():
            pass

    def describe(self) -> dict[str, str | int]:
        """Version and rate as the running library reports them."""
        with self._pool.lend() as process:
            return {
                "version": f"eSpeak NG {process.version}",
                "sample_rate_hertz": process.rate_hertz,
                "voices": len(self._voices),
                "languages": len(LANGUAGES),
            }

    def close(self) -> None:
        """Kill the children."""
        self._pool.close()

    def _entry(self, engine_voice: str) -> VoiceEntry:
        try:
            return self._voices[engine_voice]
        except KeyError:
            raise PermanentEngineError("eSpeak has no such voice.") from None

    def _start_process(self) -> EspeakProcess:
        library_path, data_path = _library_paths()
        command = child_command(
            python=sys.executable, program=self._program, library_path=library_path, data_path=data_path
        )
        process = EspeakProcess(command, silence_timeout_s=self._silence_timeout_s)
        if process.rate_hertz != RATE_HERTZ:
            process.kill()
            raise EngineUnavailable("The eSpeak NG library has an unexpected sample rate.")
        return process


def plain_text(text: str) -> str:
    """The text without what the library would take as a command or could not take at all.

    Control characters become spaces (\\x01 opens a command inside the text, NUL ends it) except for line
    breaks and tabs; halves of surrogate pairs become question marks.
    """
    cleaned = "".join(
        " " if unicodedata.category(character) == "Cc" and character not in "\n\r\t" else character
        for character in text
    )
    return cleaned.encode("utf-8", errors="replace").decode("utf-8")


def _library_paths() -> tuple[str, str]:
    """The library's file and its data folder, as the wheel has them. Raises EngineUnavailable."""
    try:
        # Imported here, because an installation without the wheel still has to say what is missing.
        loader = importlib.import_module("espeakng_loader")
        return loader.get_library_path(), loader.get_data_path()
    except ImportError as error:
        raise EngineUnavailable("The package espeakng-loader is not installed.") from error
    except RuntimeError as error:
        raise EngineUnavailable("The package espeakng-loader lacks its voice data.") from error
