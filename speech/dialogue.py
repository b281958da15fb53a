"""A text for two voices, as turns: "Speaker 1: Shall we? Speaker 2: Gladly."

Owns how a caller writes a dialogue. Who the two are is the request's affair, how they sound the engine's.
"""

import re
from dataclasses import dataclass

# On a line of its own or in the middle of one; "Speaker1:" as well.
_LABEL = re.compile(r"(?<!\w)speaker ?([12])\s*[:：]", re.IGNORECASE)


class DialogueError(ValueError):
    """Not a dialogue as we take it. The message is for the caller."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one of the two says before the other does."""

    speaker: int  # 1 or 2
    text: str


def read_dialogue(text: str) -> list[Turn]:
    """The turns, in order; those without a word are left out.

    Raises DialogueError when the text begins without a speaker, or when nobody says anything.
    """
    turns: list[Turn] = []
    speaker, start, before = 0, 0, ""
    # Label by label: between two steps in Python other threads run.
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
