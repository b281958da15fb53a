"""Searches the documentation. There is no index: the texts of the pages are cached in memory for a few minutes."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from markdown_it.token import Token

from portal.docs import html, pages

MAX_QUERY_CHARS = 100
MAX_WORDS = 8
MAX_RESULTS = 20
CACHE_SECONDS = 300  # the tables of voices and prices can change
EXCERPT_CHARS = 180


@dataclass(frozen=True, slots=True)
class Section:
    """The beginning of a page, with an empty heading, or the text under one of its headings."""

    slug: str
    title: str
    heading: str
    anchor: str
    text: str


@dataclass(frozen=True, slots=True)
class Result:
    section: Section
    excerpt: list[tuple[str, bool]]  # parts of the text, and whether each is a match


def search(query: str) -> list[Result]:
    """Returns the sections that contain every word: matches in titles first, then in headings, then in texts."""
    words = list(dict.fromkeys(query[:MAX_QUERY_CHARS].casefold().split()))[:MAX_WORDS]
    if not words:
        return []
    ranked = [(rank, section) for section in _sections(_period()) if (rank := _rank(section, words)) is not None]
    ranked.sort(key=lambda found: found[0])  # stable: equal ones stay in reading order
    return [Result(section, _excerpt(section.text, words)) for _, section in ranked[:MAX_RESULTS]]


def _rank(section: Section, words: Sequence[str]) -> tuple[int, int] | None:
    """Returns a section's rank, lower is better; None if a word is missing. Titles count for a page's start only."""
    title, heading, text = (part.casefold() for part in (section.title, section.heading, section.text))
    matches = sum(text.count(word) for word in words)
    if not section.heading and all(word in title for word in words):
        return 0, -matches
    own = f"{heading} {text}"
    if not all(word in title or word in own for word in words) or not any(word in own for word in words):
        return None
    if section.heading and all(word in heading for word in words):
        return 1, -matches
    return 2, -matches


def _excerpt(text: str, words: Sequence[str]) -> list[tuple[str, bool]]:
    first = next(_find_words(text, words), (0, 0))
    start = max(0, first[0] - EXCERPT_CHARS // 3)
    start = text.rfind(" ", 0, start) + 1
    shown = text[start : start + EXCERPT_CHARS]
    is_cut = start + EXCERPT_CHARS < len(text)
    if is_cut:
        shown = shown.rpartition(" ")[0] or shown
    parts: list[tuple[str, bool]] = []
    end = 0
    for found, found_end in _find_words(shown, words):
        parts += [(shown[end:found], False), (shown[found:found_end], True)]
        end = found_end
    parts.append((shown[end:], False))
    before = [("… ", False)] if start else []
    after = [(" …", False)] if is_cut else []
    return before + [part for part in parts if part[0]] + after


def _find_words(text: str, words: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yields start and end of each word in the text, from left to right, ignoring case."""
    lowered, end = text.lower(), 0
    while places := [(at, len(word)) for word in words if (at := lowered.find(word.lower(), end)) >= 0]:
        start, length = min(places, key=lambda place: (place[0], -place[1]))
        end = start + length
        yield start, end


def _period() -> int:
    return int(time.monotonic() // CACHE_SECONDS)


@lru_cache(maxsize=1)
def _sections(period: int) -> tuple[Section, ...]:
    """Returns all sections in reading order. A new `period` reads them again."""
    return tuple(section for slug in pages.SLUGS for section in _sections_of_page(slug))


def _sections_of_page(slug: str) -> Iterator[Section]:
    title = heading = ""
    texts: list[str] = []
    level = ""
    for token in html.parse(pages.markdown(slug)):
        if token.type == "heading_open":
            level = token.tag
        elif token.type == "inline" and level == "h1":
            title, level = token.content, ""
        elif token.type == "inline" and level == "h2":
            yield Section(slug, title, heading, html.heading_anchor(heading), " ".join(texts))
            heading, level, texts = token.content.replace("`", ""), "", []
        elif token.type in {"inline", "fence"}:
            level = ""
            texts += _plain_text(token).split()
    yield Section(slug, title, heading, html.heading_anchor(heading), " ".join(texts))


def _plain_text(token: Token) -> str:
    if token.type == "fence":
        return token.content
    return "".join(" " if child.type == "softbreak" else child.content for child in token.children or ())
