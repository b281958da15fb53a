"""Tables of words: in files beside this one, a line for each, and in strings."""

from functools import cache
from pathlib import Path


def word_set(words: str) -> frozenset[str]:
    """The words between white space."""
    return frozenset(words.split())


@cache
def read_table(name: str) -> dict[str, dict[str, str]]:
    """`name`.tsv: by the first column, what is said (third column) for what is written (second)."""
    tables: dict[str, dict[str, str]] = {}
    for line in Path(__file__).with_name(f"{name}.tsv").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("# "):
            kind, written, spoken = line.split("\t")
            tables.setdefault(kind, {})[written] = spoken
    return tables
