"""Tags English parts of speech with the tagger of spaCy's en_core_web_sm 3.8.0 (MIT), from a file in the model folder.

The file is only loaded if its hash matches the pin, because spaCy's format may contain pickled objects, which could run
code.
"""

import hashlib
import importlib
import logging
from typing import Any, Final

from speech.engines.kokoro import files
from speech.engines.kokoro.sources import TAGGER

logger = logging.getLogger(__name__)

# Copied from config.cfg and tagger/cfg of the model.
WIDTH: Final = 96
TOK2VEC: Final = {
    "@architectures": "spacy.Tok2Vec.v2",
    "embed": {
        "@architectures": "spacy.MultiHashEmbed.v2",
        "width": WIDTH,
        "attrs": ["NORM", "PREFIX", "SUFFIX", "SHAPE", "SPACY", "IS_SPACE"],
        "rows": [5000, 1000, 2500, 2500, 50, 50],
        "include_static_vectors": False,
    },
    "encode": {
        "@architectures": "spacy.MaxoutWindowEncoder.v2",
        "width": WIDTH,
        "depth": 4,
        "window_size": 1,
        "maxout_pieces": 3,
    },
}
TAGGER_MODEL: Final = {
    "@architectures": "spacy.Tagger.v2",
    "nO": None,
    "tok2vec": {"@architectures": "spacy.Tok2VecListener.v1", "width": WIDTH, "upstream": "tok2vec"},
}
TAGS: Final = (
    *("$", "''", ",", "-LRB-", "-RRB-", ".", ":", "ADD", "AFX", "CC", "CD", "DT", "EX", "FW", "HYPH", "IN", "JJ"),
    *("JJR", "JJS", "LS", "MD", "NFP", "NN", "NNP", "NNPS", "NNS", "PDT", "POS", "PRP", "PRP$", "RB", "RBR", "RBS"),
    *("RP", "SYM", "TO", "UH", "VB", "VBD", "VBG", "VBN", "VBP", "VBZ", "WDT", "WP", "WP$", "WRB", "XX", "_SP", "``"),
)


def state() -> tuple[int, ...]:
    """Returns a value that changes when the file is replaced or written to; empty if it is missing."""
    try:
        state = (files.model_dir() / TAGGER.name).stat()
    except OSError:
        return ()
    return state.st_ino, state.st_size, state.st_mtime_ns


def add_to(language: Any) -> bool:
    """Adds the tagger to a blank English spaCy pipeline. Returns False if its file is missing or was changed."""
    content = _read()
    if content is None:
        return False
    importlib.import_module("spacy.pipeline")
    vectors = language.add_pipe("tok2vec", config={"model": TOK2VEC})
    tagger = language.add_pipe("tagger", config={"model": TAGGER_MODEL})
    for tag in TAGS:
        tagger.add_label(tag)
    first = TAGGER.pip_parts[0].pin.size_bytes
    vectors.model.from_bytes(content[:first])
    tagger.model.from_bytes(content[first:])
    return True


def _read() -> bytes | None:
    path = files.model_dir() / TAGGER.name
    try:
        with path.open("rb") as file:
            content = file.read(TAGGER.pin.size_bytes + 1)
    except OSError:
        return None
    if hashlib.sha256(content).hexdigest() != TAGGER.pin.sha256:
        logger.warning("%s was changed after it was installed, and is not used; %s", path, files.HOW_TO)
        return None
    return content
