"""`make bench-text`: counts how many texts are normalized correctly, by language and kind.

    python -m bench.text FOLDER [--misses]

FOLDER has one file per language, such as `en.tsv`, with the columns kind, written and spoken. Several correct spoken
forms are separated by `|`. Only letters and digits are compared, without case; English "and" and "to" are optional.
`--misses` prints the wrong results. The column "as written" counts the texts that are correct without any rules.
"""

import argparse
import re
import sys
import time
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from speech.text.normalize import normalize

OPTIONAL_WORDS = {"en": re.compile(r"\b(?:and|to)\b")}


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare what is said with pairs of written and spoken text.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--misses", action="store_true", help="print what was said instead of what should be")
    options = parser.parse_args()
    files = sorted(options.folder.glob("*.tsv"))
    if not files:
        print(f"There is no TSV file in {options.folder}.", file=sys.stderr)
        return 1
    print(f"{'language':9} {'kind':14} {'pairs':>6} {'as written':>11} {'said':>6} {'share':>6}")
    for file in files:
        _print_language(file, language=file.stem, with_misses=options.misses)
    return 0


def _print_language(file: Path, *, language: str, with_misses: bool) -> None:
    pairs, unchanged, right = Counter[str](), Counter[str](), Counter[str]()
    seconds, misses = 0.0, []
    for kind, written, alternatives in _read_pairs(file):
        started = time.perf_counter()
        said = normalize(written, language).text
        seconds += time.perf_counter() - started
        # The expected form is also normalized, because it may contain abbreviations such as "St."
        expected = {
            _key(text, language) for spoken in alternatives for text in (spoken, normalize(spoken, language).text)
        }
        pairs[kind] += 1
        unchanged[kind] += _key(written, language) in expected
        right[kind] += _key(said, language) in expected
        if _key(said, language) not in expected:
            misses.append(f"  {kind}: {written!r}\n    said     {said!r}\n    expected {' | '.join(alternatives)!r}")
    for kind in sorted(pairs):
        _print_row(language, kind, pairs[kind], unchanged[kind], right[kind])
    _print_row(language, "all", pairs.total(), unchanged.total(), right.total())
    print(f"{'':9} {1000 * seconds / max(pairs.total(), 1):.2f} ms for each pair")
    if with_misses:
        print("\n".join(misses))


def _print_row(language: str, kind: str, pairs: int, unchanged: int, right: int) -> None:
    print(f"{language:9} {kind:14} {pairs:6} {unchanged:11} {right:6} {right / max(pairs, 1):6.1%}")


def _read_pairs(file: Path) -> Iterator[tuple[str, str, list[str]]]:
    for line in file.read_text(encoding="utf-8").splitlines()[1:]:
        kind, written, spoken = line.split("\t")
        yield kind, written, spoken.split("|")


def _key(text: str, language: str) -> str:
    """Returns only the letters, marks and digits, in lower case, without optional words."""
    text = unicodedata.normalize("NFKC", text).lower()
    if language in OPTIONAL_WORDS:
        text = OPTIONAL_WORDS[language].sub("", text)
    return "".join(char for char in text if unicodedata.category(char)[0] in "LMN")


if __name__ == "__main__":
    sys.exit(main())
