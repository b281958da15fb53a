"""Measures the pauses and the peaks of speech, which needs no speech recognition."""

from typing import NamedTuple

import numpy as np

from speech.engines.base import Engine, Segment

SILENCE = 0.01  # of full scale
LEAST_PAUSE_MS = 50  # shorter silence is part of a word, such as the closure before a "t"

# The pauses that a text should have: language, kind, text, and the shortest and longest pause in milliseconds.
PAUSES = (
    ("en-US", "none", "All human beings are born free and equal in dignity and rights.", (0, 160)),
    ("en-US", "none", "Your verification code for signing in to the customer portal is four nine three.", (0, 160)),
    ("en-US", "none", "The committee will publish its final report on the bridge on Monday.", (0, 160)),
    ("en-US", "none", "He has approx. five left.", (0, 160)),
    ("fr-FR", "none", "M. Dupont est là.", (0, 160)),
    ("hi-IN", "none", "डॉ. शर्मा यहाँ हैं।", (0, 160)),
    ("en-US", "comma", "I left my umbrella on the train this morning, so I walked home.", (120, 250)),
    ("en-US", "ellipsis", "Well... I think so... maybe.", (350, 450)),
    ("en-US", "line", "Milk\nBread\nEggs\nButter", (250, 350)),
    ("en-US", "sentence", "It was blue. Nobody said a word.", (300, 500)),
    ("en-US", "paragraph", "This is the first paragraph.\n\nThis is the second one.", (600, 900)),
)
VOICES = {"en-US": "af_heart", "fr-FR": "ff_siwis", "hi-IN": "hf_alpha"}
LONGEST_LEAD_MS = 80
TRAIL_MS = (200, 400)


class Silences(NamedTuple):
    """The silences of a text, in milliseconds."""

    lead: float
    between: list[float]
    trail: float


def speak_pieces(
    engine: Engine, text: str, engine_voice: str, language: str, *, speed: float = 1.0
) -> list[np.ndarray]:
    """Returns each segment of a text as float samples, full scale 1.0, without segments that have nothing to say."""
    pieces = []
    for piece in engine.split(text, text_format="text", language=language):
        segment = Segment(text=piece.text, engine_voice=engine_voice, language=language, speed=speed)
        pcm = b"".join(engine.speak(segment))
        if pcm:
            pieces.append(np.frombuffer(pcm, "<i2") / 32768)
    return pieces


def measure_silences(samples: np.ndarray, rate_hertz: int, *, least_ms: float = LEAST_PAUSE_MS) -> Silences:
    """Measures the silence before the first sound, pauses of at least `least_ms`, and the silence at the end."""
    loud = np.flatnonzero(np.abs(samples) > SILENCE)
    milliseconds = np.diff(loud) * 1000 / rate_hertz
    return Silences(
        float(loud[0] * 1000 / rate_hertz),
        milliseconds[milliseconds >= least_ms].tolist(),
        float((len(samples) - 1 - loud[-1]) * 1000 / rate_hertz),
    )


def peak_dbfs(samples: np.ndarray) -> float:
    return float(20 * np.log10(np.abs(samples).max()))
