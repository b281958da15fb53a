"""Parses a dialogue of two voices into turns: "Speaker 1: Shall we? Speaker 2: Gladly."

The request says which voices the two have; the engine renders them.
"""

import re
from dataclasses import dataclass

# At the start of a line or inside one; also "Speaker1:".
_LABEL = re.compile(r"(?<!\w)speaker ?([12])\s*[:：]", re.IGNORECASE)


class DialogueError(ValueError):
    """The text is not a valid dialogue. The message is for the caller."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one speaker says before the other one does."""

    speaker: int  # 1 or 2
    text: str


def read_dialogue(text: str) -> list[Turn]:
    """Returns the turns in order, without the empty ones.

    Raises DialogueError if the text does not start with a speaker, or if no turn has any words.
    """
    turns: list[Turn] = []
    speaker, start, before = 0, 0, ""
    # In Python steps by label, so that other threads can run in between.
    for label in _LABEL.finditer(text):
        said = text[start : label.start()].strip()
        if not speaker:
            before = said
        elif said:
            turns.append(Turn(speaker, said))
        speaker, start = int(label[1]), label.end()
    if before or not speaker:
        raise DialogueError('Each turn of a dialogue must start with "Speaker 1:" or "Speaker 2:".')
    if said := text[start:].strip():
        turns.append(Turn(speaker, said))
    if not turns:
        raise DialogueError("The dialogue contains nothing that can be spoken.")
    return turns
