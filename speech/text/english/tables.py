"""Reads tables of words: from files beside this module, one line per entry, and from strings."""

from functools import cache
from pathlib import Path


def word_set(words: str) -> frozenset[str]:
    """Splits words at white space."""
    return frozenset(words.split())


@cache
def read_table(name: str) -> dict[str, dict[str, str]]:
    """Reads `name`.tsv: first column → second column (written form) → third column (spoken form)."""
    tables: dict[str, dict[str, str]] = {}
    for line in Path(__file__).with_name(f"{name}.tsv").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("# "):
            kind, written, spoken = line.split("\t")
            tables.setdefault(kind, {})[written] = spoken
    return tables
