"""The Kokoro engine, as used by the job pipeline, the catalogue and the operators.

Turns a segment into samples: phonemes, then runs of the model, then PCM. One model per process, loaded on first use or
by `warm_up`.
"""

import importlib
import importlib.util
import os
import threading
from collections.abc import Generator, Iterator
from dataclasses import replace
from itertools import zip_longest
from typing import Any, Final

from django.conf import settings

from speech.audio.loudness import level
from speech.audio.tempo import stretch
from speech.catalogue import VoiceEntry
from speech.engines.base import EngineUnavailable, PermanentEngineError, Segment, TextFormat
from speech.engines.kokoro import chunks, files, markup, pauses, runtimes, sound
from speech.engines.kokoro.fair_lock import FairLock
from speech.engines.kokoro.g2p import Readers, missing_for
from speech.engines.kokoro.phonemes import numbers, runs, spoken_phonemes, style_row, with_end
from speech.engines.kokoro.voices import LANGUAGES, PROVIDER, RATE_HERTZ, engine_voices, voice_entries
from speech.segments import Piece, split_ssml
from speech.ssml import SsmlError

OWN_SPEEDS: Final = (0.5, 2.0)  # speeds that the model generates itself; beyond them, its audio is stretched
TARGET_LUFS: Final = -18.0  # of every segment, for all voices
CHUNK_SAMPLES: Final = RATE_HERTZ // 5
WARM_LANGUAGE: Final = "en-US"  # the only one whose reader takes seconds to load


class KokoroEngine:
    """Natural voices on this machine. See `speech.engines.base.Engine` for the public methods."""

    name = PROVIDER
    queue = "speech.kokoro"
    segments_ahead = 1

    def __init__(self) -> None:
        self._readers = Readers()
        self._turns = FairLock()
        self._loading = threading.Lock()
        self._runtime: runtimes.Runtime | None = None
        self._loaded_state: tuple[int, ...] = ()
        self._packs: dict[str, Any] = {}
        self._names = frozenset(engine_voices())
        self._process_id = os.getpid()

    def voices(self) -> list[VoiceEntry]:
        """Returns all 54 voices, with a reason for those whose language or pack is missing here."""
        unavailable = {language.tag: missing_for(language.tag) for language in LANGUAGES.values()}
        entries = voice_entries(
            unavailable, model_version=files.model_version(), supports_ssml=runtimes.model_has_controls()
        )
        if files.missing_files():
            return entries
        missing = files.missing_packs(entry.engine_voice for entry in entries)
        return [_with_reason(entry, missing[entry.engine_voice]) for entry in entries]

    def unavailable_reason(self) -> str:
        """Checks packages and files. Whether the files' content is valid is only known when they are loaded."""
        needed = files.NEEDED_PACKAGES[settings.KOKORO_RUNTIME]
        missing = [name for name in needed if importlib.util.find_spec(name) is None]
        if missing:
            return f"it needs the packages of {files.PACKAGES_FILE[settings.KOKORO_RUNTIME]} ({', '.join(missing)})"
        return files.missing_files()

    def sample_rate_hertz(self, engine_voice: str) -> int:
        """Returns the rate, which is the same for all voices."""
        self._check_voice(engine_voice)
        return RATE_HERTZ

    def split(self, text: str, *, text_format: TextFormat, language: str) -> Iterator[Piece]:
        """Splits into a first clause, then sentences."""
        return split_ssml(text, language) if text_format == "ssml" else chunks.split(text, language)

    def speak(self, segment: Segment) -> Generator[bytes, None, None]:
        """Speaks plain text, and SSML if the model has controls. A segment without any words yields nothing."""
        self._check_voice(segment.engine_voice)
        if segment.text_format == "ssml":
            yield from self._speak_ssml(segment)
            return
        if segment.text_format != "text":
            raise PermanentEngineError("Kokoro voices support plain text and SSML only.")
        phonemes = spoken_phonemes(self._readers.phonemes(segment.text, segment.language))
        if not phonemes:
            return
        own_speed = min(max(segment.speed, OWN_SPEEDS[0]), OWN_SPEEDS[1])
        pcm = self._pcm(with_end(phonemes, segment.text), segment, own_speed)
        yield from stretch(pcm, rate_hertz=RATE_HERTZ, tempo=segment.speed / own_speed)

    def _pcm(self, phonemes: str, segment: Segment, speed: float) -> Generator[bytes, None, None]:
        runtime, pack = self._model(), self._pack(segment.engine_voice)
        all_runs = list(runs(phonemes))
        for run, next_run in zip_longest(all_runs, all_runs[1:]):
            with self._turns.mine():
                samples = runtime.speak(numbers(run), pack[style_row(run)], speed)
            measured = pauses.measured(runtimes.sanitize(samples), RATE_HERTZ)
            samples = level(samples, RATE_HERTZ, target_lufs=TARGET_LUFS, measured=measured)
            samples = pauses.set_pauses(
                samples,
                RATE_HERTZ,
                marks=pauses.count_marks(run),
                after_ms=pauses.pause_ms(segment.text if next_run is None else f"{run} "),
                speed=speed,
            )
            yield from _chunks(_s16le(samples))

    def _speak_ssml(self, segment: Segment) -> Generator[bytes, None, None]:
        if not self._model().has_controls:
            raise PermanentEngineError("This Kokoro model does not support SSML.")
        parts = markup.plan(
            segment.text,
            segment.engine_voice,
            speed=segment.speed,
            read=self._readers.phonemes,
            has_language=lambda tag: not missing_for(tag),
        )
        try:
            for part in parts:
                if isinstance(part, markup.Silence):
                    yield from _chunks(bytes(2 * round(part.milliseconds / 1000 / segment.speed * RATE_HERTZ)))
                else:
                    pcm = self._pcm_of_run(part, segment.speed)
                    yield from stretch(pcm, rate_hertz=RATE_HERTZ, tempo=part.tempo)
        except SsmlError as error:
            raise PermanentEngineError("This SSML cannot be spoken.") from error

    def _pcm_of_run(self, run: markup.Run, speed: float) -> Generator[bytes, None, None]:
        runtime, pack = self._model(), self._pack(run.engine_voice)
        own_speed = min(max(speed, OWN_SPEEDS[0]), OWN_SPEEDS[1])
        lengths, melody = sound.build_controls(run, own_speed)
        with self._turns.mine():
            samples, frames = runtime.speak_controlled(
                numbers(run.phonemes), pack[style_row(run.phonemes)], own_speed, lengths=lengths, melody=melody
            )
        yield from _chunks(
            _s16le(
                sound.shape(runtimes.sanitize(samples), frames, run, target_lufs=TARGET_LUFS, speed=speed / run.tempo)
            )
        )

    def warm_up(self) -> None:
        """Loads the model and the English dictionaries, which take a first request two to eight seconds otherwise."""
        self._model()
        if not missing_for(WARM_LANGUAGE):
            self._readers.phonemes("Hello.", WARM_LANGUAGE)

    def describe(self) -> dict[str, str | int]:
        """Returns the runtime and the device as the loaded model reports them."""
        runtime = self._model()
        return {
            "runtime": f"{settings.KOKORO_RUNTIME} on {runtime.device}",
            "threads": settings.KOKORO_THREADS,
            "sample_rate_hertz": RATE_HERTZ,
            "voices": sum(not entry.unavailable_reason for entry in self.voices()),
            "languages": len({entry.language for entry in self.voices() if not entry.unavailable_reason}),
        }

    def close(self) -> None:
        """Releases the model's memory."""
        self._readers.close()
        with self._loading:
            self._runtime = None
            self._packs.clear()

    def _model(self) -> runtimes.Runtime:
        with self._loading:
            if self._process_id != os.getpid():  # a model's threads do not survive a fork
                self._runtime, self._process_id = None, os.getpid()
            if self._loaded_state != (state := files.model_state()):  # another model, or a damaged one
                self._runtime = None
            if self._runtime is None:
                if reason := self.unavailable_reason():
                    raise EngineUnavailable(f"Kokoro is not available: {reason}.")
                self._runtime, self._loaded_state = runtimes.load(), state
            return self._runtime

    def _pack(self, engine_voice: str) -> Any:
        with self._loading:
            if engine_voice not in self._packs:
                path = files.pack_path(engine_voice)
                if reason := files.damaged_pack(engine_voice):
                    raise EngineUnavailable(f"This voice is not available: {reason}.")
                numpy: Any = importlib.import_module("numpy")
                pack = numpy.fromfile(path, dtype="<f4").reshape(files.PACK_SHAPE)
                if not numpy.isfinite(pack).all():
                    raise EngineUnavailable("This voice is not available: its voice pack is corrupted.")
                self._packs[engine_voice] = pack
            return self._packs[engine_voice]

    def _check_voice(self, engine_voice: str) -> None:
        if engine_voice not in self._names:
            raise PermanentEngineError("Kokoro has no such voice.")


def _with_reason(entry: VoiceEntry, reason: str) -> VoiceEntry:
    return entry if entry.unavailable_reason or not reason else replace(entry, unavailable_reason=reason)


def _s16le(samples: Any) -> bytes:
    """Converts float32 samples with a full scale of 1.0 to signed 16-bit little-endian."""
    numpy: Any = importlib.import_module("numpy")
    return bytes((numpy.clip(samples, -1.0, 1.0) * 32767.0).round().astype("<i2").tobytes())


def _chunks(pcm: bytes) -> Iterator[bytes]:
    for start in range(0, len(pcm), 2 * CHUNK_SAMPLES):
        yield pcm[start : start + 2 * CHUNK_SAMPLES]
