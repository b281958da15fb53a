"""Renders Markdown as HTML: headings with anchors, tables that fit a phone, code with tabs and a copy button.

Raw HTML in a page is shown as text.
"""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

SHORT_CHARS = 24
LANGUAGES = {"sh": "curl", "python": "Python", "js": "Node"}


class Heading(NamedTuple):
    anchor: str
    text: str


def render(markdown: str) -> tuple[SafeString, list[Heading]]:
    """Returns the page's HTML and the headings of its sections. Consecutive code blocks become one set of tabs."""
    parser = _parser()
    tokens = parser.parse(markdown)
    headings = _name_headings(tokens)
    _label_tables(tokens)
    _keep_names_whole(tokens)
    parts: list[str] = []
    plain: list[Token] = []
    codes: list[Token] = []
    for token in [*tokens, None]:
        if token is not None and token.type == "fence":
            codes.append(token)
            continue
        if codes:
            parts.append(parser.renderer.render(plain, parser.options, {}))
            parts.append(_code(codes, number=len(parts)))
            plain, codes = [], []
        if token is not None:
            plain.append(token)
    parts.append(parser.renderer.render(plain, parser.options, {}))
    return mark_safe("".join(parts)), headings  # noqa: S308 - the parser and the template escaped it


def parse(markdown: str) -> list[Token]:
    return _parser().parse(markdown)


def heading_anchor(heading: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-")


def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable("table")


def _name_headings(tokens: Sequence[Token]) -> list[Heading]:
    headings = []
    for token, inline in pairwise(tokens):
        if token.type == "heading_open" and token.tag != "h1":
            anchor = heading_anchor(inline.content)
            token.attrSet("id", anchor)
            if token.tag == "h2":
                headings.append(Heading(anchor, inline.content))
    return headings


def _label_tables(tokens: Sequence[Token]) -> None:
    """Labels every cell with its column: on a phone, tables become stacks."""
    labels: list[str] = []
    column = 0
    for token, inline in pairwise(tokens):
        if token.type == "table_open":
            token.attrSet("class", "table table--stack")
            labels = []
        elif token.type == "tr_open":
            column = 0
        elif token.type == "th_open":
            token.attrSet("scope", "col")
            labels.append(inline.content.replace("`", ""))
        elif token.type == "td_open":
            token.attrSet("data-label", labels[column])
            column += 1


def _keep_names_whole(tokens: Sequence[Token]) -> None:
    """Prevents line breaks in short names in code, even in a narrow column."""
    for token in tokens:
        for part in token.children or ():
            if part.type == "code_inline" and len(part.content) <= SHORT_CHARS:
                part.attrSet("class", "nowrap")


def _code(codes: Sequence[Token], *, number: int) -> str:
    examples: list[dict[str, Any]] = [
        {"name": f"code-{number}-{place}", "label": LANGUAGES.get(code.info, code.info), "program": code.content}
        for place, code in enumerate(codes)
    ]
    return render_to_string("docs/_code.html", {"examples": examples, "group": f"code-{number}"})
