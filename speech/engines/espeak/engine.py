"""The eSpeak NG engine, as used by the job pipeline, the catalogue and the operators.

Turns a segment into samples: cleans the text, chooses the rate, borrows a child process, and stretches the audio.
"""

import importlib
import sys
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, closing
from html import escape
from pathlib import Path

from speech.audio.tempo import stretch
from speech.catalogue import VoiceEntry
from speech.engines.base import EngineUnavailable, PermanentEngineError, Segment, TextFormat
from speech.engines.espeak.languages import LANGUAGES
from speech.engines.espeak.markup import Silence, Utterance, render
from speech.engines.espeak.pace import split_speed
from speech.engines.espeak.pool import ProcessPool
from speech.engines.espeak.process import SILENCE_TIMEOUT_S, EspeakProcess, child_command
from speech.engines.espeak.text import mark_what_follows, pauses_after, plain_text
from speech.engines.espeak.voices import PROVIDER, RATE_HERTZ, voice_entries
from speech.segments import Piece, split_into_pieces
from speech.ssml import SsmlError
from speech.text.normalize import normalize

SILENCE_CHUNK_SAMPLES = RATE_HERTZ // 5
CHILD_PROGRAM = Path(__file__).with_name("child.py")


class EspeakEngine:
    """The embedded engine. See `speech.engines.base.Engine` for its public methods."""

    name = PROVIDER
    queue = "speech.espeak"
    segments_ahead = 1

    def __init__(self, *, program: Path = CHILD_PROGRAM, silence_timeout_s: float = SILENCE_TIMEOUT_S) -> None:
        """`program` runs as the child; one that sends nothing for `silence_timeout_s` is killed."""
        self._program = program
        self._silence_timeout_s = silence_timeout_s
        self._pool = ProcessPool(self._start_process)
        self._voices = {entry.engine_voice: entry for entry in voice_entries()}
        self._proved_available = False

    def voices(self) -> list[VoiceEntry]:
        """Returns the table of voices, whether or not the library loads."""
        return list(self._voices.values())

    def unavailable_reason(self) -> str:
        """Starts a child to find out, once per process. A failure is checked again, so that a repair is noticed."""
        if not self._proved_available:
            try:
                self._start_process().kill()
            except EngineUnavailable as error:
                return str(error)
            self._proved_available = True
        return ""

    def sample_rate_hertz(self, engine_voice: str) -> int:
        """Returns the rate, which is the same for all voices."""
        return self._entry(engine_voice).native_rate_hertz

    def split(self, text: str, *, text_format: TextFormat, language: str) -> Iterator[Piece]:
        """Splits by sentence."""
        pieces = split_into_pieces(text, text_format=text_format, language=language)
        return mark_what_follows(pieces) if text_format == "text" else pieces

    def speak(self, segment: Segment) -> Generator[bytes, None, None]:
        """Speaks plain text, in which tags are text, or SSML from the allow-list. Other markup is rejected."""
        # Voices from the table only: the library would take any other name as the path of a file to read.
        self._entry(segment.engine_voice)
        rate_wpm, tempo = split_speed(segment.speed)
        # Closed explicitly, so that the work ends with this generator and not at garbage collection.
        if segment.text_format == "text":
            text = plain_text(segment.text)
            is_markup = pauses_after(text)
            text = normalize(text, segment.language).text
            if text.strip():
                # Adds eSpeak's own pause, which the end of its input alone does not: 0.3 s, after a paragraph 0.5 s.
                said = f"{escape(text, quote=False)}</speak>" if is_markup else text
                spoken = self._speak_one(said, segment.engine_voice, rate_wpm, tempo, is_markup=is_markup)
                with closing(spoken) as pcm:
                    yield from pcm
        elif segment.text_format == "ssml":
            with closing(self._speak_ssml(segment, rate_wpm, tempo)) as pcm:
                yield from pcm
        else:
            raise PermanentEngineError("eSpeak voices support plain text and SSML only.")

    def _speak_ssml(self, segment: Segment, rate_wpm: int, tempo: float) -> Generator[bytes, None, None]:
        try:
            for part in render(segment.text, segment.engine_voice, rate_wpm=rate_wpm):
                match part:
                    case Silence():
                        yield from _silence(part.milliseconds / 1000 / segment.speed)
                    case Utterance():
                        spoken = self._speak_one(part.markup, part.engine_voice, rate_wpm, tempo, is_markup=True)
                        with closing(spoken) as pcm:
                            yield from pcm
        except SsmlError as error:
            raise PermanentEngineError("This SSML cannot be spoken.") from error

    def _speak_one(
        self, text: str, engine_voice: str, rate_wpm: int, tempo: float, *, is_markup: bool = False
    ) -> Generator[bytes, None, None]:
        with (
            self._pool.lend() as process,
            closing(process.synthesise(text=text, voice=engine_voice, rate_wpm=rate_wpm, is_markup=is_markup)) as pcm,
        ):
            yield from stretch(pcm, rate_hertz=process.rate_hertz, tempo=tempo)

    def lend(self) -> AbstractContextManager[EspeakProcess]:
        """Lends a child for the duration of a block, for uses other than speech."""
        return self._pool.lend()

    def warm_up(self) -> None:
        """Starts one child."""
        with self._pool.lend():
            pass

    def describe(self) -> dict[str, str | int]:
        """Returns version and rate as the running library reports them."""
        with self._pool.lend() as process:
            return {
                "version": f"eSpeak NG {process.version}",
                "sample_rate_hertz": process.rate_hertz,
                "voices": len(self._voices),
                "languages": len(LANGUAGES),
            }

    def close(self) -> None:
        """Kills the children."""
        self._pool.close()

    def _entry(self, engine_voice: str) -> VoiceEntry:
        try:
            return self._voices[engine_voice]
        except KeyError:
            raise PermanentEngineError("eSpeak NG has no such voice.") from None

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


def _silence(seconds: float) -> Generator[bytes, None, None]:
    samples_left = round(seconds * RATE_HERTZ)
    while samples_left > 0:
        samples = min(samples_left, SILENCE_CHUNK_SAMPLES)
        yield bytes(2 * samples)
        samples_left -= samples


def _library_paths() -> tuple[str, str]:
    """Returns the library's file and its data folder, as the wheel has them. Raises EngineUnavailable."""
    try:
        # Imported here, because an installation without the wheel must still be able to report what is missing.
        loader = importlib.import_module("espeakng_loader")
        return loader.get_library_path(), loader.get_data_path()
    except ImportError as error:
        raise EngineUnavailable("The package espeakng-loader is not installed.") from error
    except RuntimeError as error:
        raise EngineUnavailable("The voice data of the package espeakng-loader is missing.") from error
