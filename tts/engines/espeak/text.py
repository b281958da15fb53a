"""What the library must not see in a text, whichever format it came in."""

import unicodedata


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
