"""Converts text to phonemes in the International Phonetic Alphabet with eSpeak, without generating audio.

For engines whose models take phonemes. The library stays in its own program (see `child`).
"""

import re
from typing import Final

from speech.engines.base import PermanentEngineError
from speech.engines.espeak.engine import EspeakEngine
from speech.engines.espeak.languages import LANGUAGES
from speech.engines.espeak.text import plain_text

# A remark in the phonemes, such as (^k^o): what follows is in another language. Marks of the text are not in them.
_REMARK: Final = re.compile(r"\([a-z0-9^-]+\)")
_IDENTIFIERS = frozenset(language.identifier for language in LANGUAGES)


class PhonemeReader:
    """Converts text to phonemes. Thread-safe; starts the program on first use."""

    def __init__(self) -> None:
        self._engine = EspeakEngine()

    def read(self, text: str, *, identifier: str) -> str:
        """Returns IPA with stress marks; parts of one sound are joined by `^`.

        Punctuation is left out, and so are eSpeak's markers for words in other languages.

        `identifier` is the library's name for a language. Raises PermanentEngineError if it does not have it,
        TransientEngineError, EngineUnavailable.
        """
        if identifier not in _IDENTIFIERS:
            raise PermanentEngineError("eSpeak NG does not support this language.")
        with self._engine.lend() as process:
            return _REMARK.sub("", process.phonemes(text=plain_text(text), voice=identifier))

    def close(self) -> None:
        self._engine.close()
