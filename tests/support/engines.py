"""What the engine tests share: texts, measurements of speech, faulty children, waiting for an end."""

import os
import select
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from speech.engines.base import Segment
from speech.engines.espeak import EspeakEngine
from speech.engines.espeak.engine import CHILD_PROGRAM
from speech.engines.espeak.languages import LANGUAGES

RATE_HERTZ = 22_050
ANNIE = "gmw/en-US+Annie"
LEE = "gmw/en+Lee"

SENTENCES = (
    "The quick brown fox jumps over the lazy dog, and then it sleeps for a long while. "
    "When the evening comes, a lamp is lit in the window; somebody reads aloud. "
    "Nobody knows how the story ends!"
)
# Nothing but pauses, almost: the hardest text for a true speed.
SHORT_SENTENCES = "Yes. No. Stop, wait, look. One, two, three, four. Well, I see. Fine! Who? Me? Go on, then."

# Runs the real child, with faults that the text asks for. Its stdin and stdout are one socket: 0 reaches
# the parent.
_FAULTY_CHILD = """
import ctypes, importlib.util, os, signal, sys
spec = importlib.util.spec_from_file_location("child", {program!r})
child = importlib.util.module_from_spec(spec)
spec.loader.exec_module(child)
speak_truly = child.Library.synthesise

def synthesise(self, text, *, voice, rate_wpm, is_markup, write):
    fault = text.split()[0]
    if fault == "SEGFAULT":
        write(bytes(2))
        ctypes.string_at(0)
    if fault == "ABORT":
        os.abort()
    if fault == "HANG":
        write(bytes(2))
        signal.pause()
    if fault == "GARBLE":
        os.write(0, b"this is not a frame")
    if fault == "CUT":
        os.write(0, b"P" + bytes([8, 0, 0, 0]) + b"half")
        os._exit(0)
    if fault == "ODD":
        write(bytes(3))
    if fault == "REFUSE":
        raise child.RequestError("vendor's own words", permanent=False)
    speak_truly(self, text, voice=voice, rate_wpm=rate_wpm, is_markup=is_markup, write=write)

child.Library.synthesise = synthesise
sys.exit(child.main({library}, sys.argv[2]))
"""


def write_child(path: Path, *, library: str = "sys.argv[1]") -> Path:
    """Write a child program that fails on SEGFAULT, ABORT, HANG, … as first word, and else speaks."""
    path.write_text(_FAULTY_CHILD.format(program=str(CHILD_PROGRAM), library=library))
    return path


def segment(text: str, *, voice: str = ANNIE, speed: float = 1.0) -> Segment:
    identifier = voice.partition("+")[0]
    language = next((language.tag for language in LANGUAGES if language.identifier == identifier), "en-US")
    return Segment(text=text, engine_voice=voice, language=language, speed=speed)


def speak(engine: EspeakEngine, text: str, *, voice: str = ANNIE, speed: float = 1.0) -> bytes:
    """The whole speech; every chunk is checked to be whole samples."""
    chunks = list(engine.speak(segment(text, voice=voice, speed=speed)))
    assert all(chunk and len(chunk) % 2 == 0 for chunk in chunks)
    return b"".join(chunks)


def samples_of(pcm: bytes) -> NDArray[np.float64]:
    """Samples between -1 and 1."""
    return np.frombuffer(pcm, "<i2").astype(np.float64) / 32_768


def level_db(pcm: bytes) -> float:
    """Root mean square, in dB below full scale."""
    return float(20 * np.log10(np.sqrt(np.mean(samples_of(pcm) ** 2))))


def median_pitch_hertz(pcm: bytes, rate_hertz: int = RATE_HERTZ) -> float:
    """Median fundamental frequency of the voiced parts, by autocorrelation in windows of 46 ms."""
    window_samples = 1024
    window = np.hanning(window_samples)
    # The window's own autocorrelation falls with the lag and would favour octaves too high.
    envelope = np.fft.irfft(np.abs(np.fft.rfft(window, 4 * window_samples)) ** 2)[:window_samples]
    shortest, longest = rate_hertz // 450, rate_hertz // 55
    signal = samples_of(pcm)
    pitches = []
    for start in range(0, len(signal) - window_samples, window_samples // 2):
        piece = signal[start : start + window_samples]
        if np.sqrt(np.mean(piece**2)) < 0.02:
            continue
        spectrum = np.abs(np.fft.rfft((piece - piece.mean()) * window, 4 * window_samples)) ** 2
        correlation = np.fft.irfft(spectrum)[:window_samples] / envelope
        candidates = correlation[shortest:longest] / correlation[0]
        if candidates.max() < 0.5:
            continue  # unvoiced
        # The first peak nearly as high as the highest: later ones are its multiples.
        peaks = np.flatnonzero(
            (candidates[1:-1] >= candidates[:-2])
            & (candidates[1:-1] >= candidates[2:])
            & (candidates[1:-1] >= 0.9 * candidates.max())
        )
        if len(peaks):
            pitches.append(rate_hertz / (shortest + 1 + int(peaks[0])))
    return float(np.median(pitches))


def child_pids(pid: int) -> set[int]:
    """The direct children of a process."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return {int(child) for task in tasks for child in (task / "children").read_text().split()}


def wait_until_ended(pidfd: int, *, timeout_s: float = 10.0) -> bool:
    """Whether the process behind a pidfd has ended, waiting for it if need be. Closes the pidfd."""
    try:
        readable, _, _ = select.select([pidfd], [], [], timeout_s)
        return bool(readable)
    finally:
        os.close(pidfd)
