"""What a speech recogniser that nobody here wrote hears: PocketSphinx, with its model of American English.

It understands Kokoro's American voices nearly without an error, British ones worse, and eSpeak hardly at all (.082,
.273 and .913 of the words wrong): judge only American voices by it.
"""

import re
from functools import cache
from typing import NamedTuple

import av
import numpy as np
from pocketsphinx import Decoder

RATE_HERTZ = 16_000  # of the recogniser's model
FRAME_SECONDS = 0.01
LEAD_SECONDS = 0.3  # of silence around what is heard: the recogniser drops words that begin with the first sample

# Everyday English without numbers or names. The recogniser guesses by what is usually said, so it does badly on texts
# that mean little: the field's Harvard sentences come out with .23 of the words wrong, however well they are spoken.
SENTENCES = (
    "All human beings are born free and equal in dignity and rights.",
    "I left my umbrella on the train this morning, so I walked home in the rain.",
    "The committee will publish its final report at the end of the month.",
    "Please call me back when you have a few minutes to talk.",
    "We are going to need a lot more time to finish this work.",
    "The weather is going to be warm and sunny for the rest of the week.",
    "She opened the window and looked out at the street below.",
    "There is nothing more important than the health of our children.",
    "He told us that the meeting had been moved to the afternoon.",
    "The government said that it would look into the matter.",
    "You can change your password at any time on this page.",
    "Our customers expect an answer within a few hours.",
    "The old man sat by the fire and told us the story of his life.",
    "It was the first time that they had seen the ocean.",
    "The company has decided to open a new office in the city.",
    "Most people do not know how much water they use every day.",
    "They were very happy to hear that the war was over.",
    "I think that we should wait until we know what happened.",
    "The doctor said that I should drink more water and get some sleep.",
    "Turn left at the next street and drive for about a mile.",
    "The students were asked to write about what they did last summer.",
    "Nobody knows what is going to happen in the future.",
    "We had dinner together and talked about old times.",
    "The president will speak to the nation on television tonight.",
    "When the music stopped, everybody in the room stood still.",
    "If you have any questions, do not hesitate to ask.",
    "The police are looking for a man who was seen near the house.",
    "My brother works in a bank, and my sister is a teacher.",
    "The price of oil has gone up again because of the war.",
    "Thank you very much for your help, and have a good evening.",
)


class Word(NamedTuple):
    text: str
    start_seconds: float
    end_seconds: float


def split_words(text: str) -> list[str]:
    """Lower case, without marks. Numbers have to be written out."""
    return re.sub(r"[^a-z' ]", " ", text.lower()).split()


def recognise(samples: np.ndarray, rate_hertz: int) -> str:
    """What is said, without being told. `samples`: mono int16."""
    decoder = _decoder()
    _decode(decoder, samples, rate_hertz)
    hypothesis = decoder.hyp()
    return re.sub(r"\(\d+\)", "", hypothesis.hypstr) if hypothesis else ""


def align(samples: np.ndarray, rate_hertz: int, text: str) -> list[Word] | None:
    """When each word of `text` is said, and each silence (`<sil>`); None when that is not what is said."""
    decoder = Decoder(samprate=RATE_HERTZ, loglevel="FATAL", bestpath=False, beam=1e-80, wbeam=1e-60, pbeam=1e-80)
    decoder.set_align_text(" ".join(split_words(text)))
    _decode(decoder, samples, rate_hertz)
    if not decoder.hyp():
        return None
    return [
        Word(
            re.sub(r"\(\d+\)$", "", segment.word),
            segment.start_frame * FRAME_SECONDS - LEAD_SECONDS,
            segment.end_frame * FRAME_SECONDS - LEAD_SECONDS,
        )
        for segment in decoder.seg()
    ]


def count_errors(said: str, heard: str) -> int:
    """Words that are wrong, missing or too many: the numerator of the word error rate."""
    expected, found = split_words(said), split_words(heard)
    row = list(range(len(found) + 1))
    for number, word in enumerate(expected, 1):
        above, row = row, [number]
        for column, other in enumerate(found):
            row.append(min(above[column] + (word != other), above[column + 1] + 1, row[column] + 1))
    return row[-1]


@cache
def _decoder() -> Decoder:
    return Decoder(samprate=RATE_HERTZ, loglevel="FATAL")


def _decode(decoder: Decoder, samples: np.ndarray, rate_hertz: int) -> None:
    frame = av.AudioFrame.from_ndarray(samples.astype("<i2").reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate = rate_hertz
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE_HERTZ)
    pieces = [part.to_ndarray().reshape(-1) for part in (*resampler.resample(frame), *resampler.resample(None))]
    silence = np.zeros(int(LEAD_SECONDS * RATE_HERTZ), "<i2")
    decoder.start_utt()
    decoder.process_raw(np.concatenate([silence, *pieces, silence]).astype("<i2").tobytes(), full_utt=True)
    decoder.end_utt()
