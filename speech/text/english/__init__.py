"""English, written to spoken."""

from speech.text.spans import Replacement


def find_replacements(text: str) -> list[Replacement]:
    return []
