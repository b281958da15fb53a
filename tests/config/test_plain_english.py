"""Phrases that were replaced by plain English and stay out of what people read: pages, emails, messages, documents.

Checks the string literals, docstrings and comments of all packages, and all templates and documents.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("accounts", "billing", "config", "operations", "portal", "speech", "tts", "voices", "webhooks")
TEMPLATES = ("templates", "static/js/passkeys.js")
DOCUMENTS = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "docs")
IMAGES = {".png", ".ico"}

PHRASES = {
    r"who hangs up": "If the client disconnects",
    r"do(es)? not do( here)?\b(?! (so|this|that))": "is not accepted here",
    r"\bwhoever\b": "the administrator of this server; any user who",
    r"\b(some|no)body (asked|asks|is held|gets|made|tried|who|can|in)\b": "someone; no one; say who",
    r"look (into|in) your mail": "Check your email",
    r"\ba mail\b(?! server)": "an email",
    r"\bin vain\b": "without success; say what failed",
    r"that was request \d|quarter hour": "Rate limit exceeded: 10 requests per 15 minutes",
    r"\bis welcome (in|at|tomorrow|again)\b": "Try again at",
    r"\bopens? nothing\b": "no longer works",
    r"\bworks? no more\b": "no longer works",
    r"\b(link|invitation|confirmation) is over\b": "is no longer valid",
    r"\bwas taken off\b|\bcan take the second factor off\b": "was removed",
    r"\bwent back\b|\bgoes back to\b|\bgiven back\b": "was refunded; is refunded to",
    r"\bpass the ownership on\b": "Transfer ownership",
    r"\b(make|made) (a|an|the|another|its|no) (API )?key\b|\bno key was made\b": "Create a key",
    r"\bit holds (from|for)\b|\bthis holds for\b": "The change applies to",
    r"\bcannot be had\b|\bis out of reach\b": "is unavailable",
    r"\b(not|nothing|no one|nobody)\b[^.\n]* any more\b": "no longer",
    r"\byou get this because\b": "You received this email because",
}

FINE_IN_PROSE = (r"\bwhoever\b",)
PROSE_PHRASES = {phrase: better for phrase, better in PHRASES.items() if phrase not in FINE_IN_PROSE} | {
    r"\b(no|some)body('s)?\b": "no one; someone; or say who",
    r"\b(a|an|the|this|each|every|one|our|no) mails?\b(?! (server|scanner))": "email",
    r"\b(made|begins?|beginning) (anew|afresh)\b": "again",
    r"\bunder way\b": "in progress",
    r"\bat hand\b": "current",
    r"\blook(s|ed)? into\b": "reads; queries",
    r"\bby way of\b": "through",
    r"\b(is|are) to be\b": "should be; must be; is",
    r"\bkept card\b": "saved card",
    r"\bopens? (the |no |what )?doors?\b": "grants access",
    r"\bfor ever\b": "forever",
    r"\bin small letters\b": "in lower case",
    r"\brest of the house\b": "other packages",
    r"\b(is|are|was|were|be) heard\b": "plays; is played",
    r"\banew\b": "again",
    r"\bas it is said\b": "normalized; in its spoken form",
    r"\b(stands?|stood) (before|behind|beside|at|in)\b": "is before, after or next to",
    r"\bone's own\b": "their own",
    r"\bgive up for dead\b|\bgiven up for dead\b|\btaken for dead\b": "presumed dead",
    r"\bin our words\b": "translated; as our own error",
    r"\b(give|gives|gave) back\b": "release; return",
    r"\bc(an|ould) be had\b": "is available",
    r"\bsafe from any thread\b": "thread-safe",
    r"\bwhat (it is|they are) worth\b": "whether it works",
    r"\bthe (next|second|other) (begins|one begins)\b": "starts",
}


def find_phrases(text: str, phrases: dict[str, str] = PHRASES) -> list[str]:
    """Each phrase that occurs, with what to write instead."""
    plain = " ".join(text.split())
    return [
        f"“{found[0]}”: write “{better}”"
        for phrase, better in phrases.items()
        if (found := re.search(phrase, plain, re.IGNORECASE))
    ]


def list_files(*paths: str) -> Iterator[Path]:
    for path in paths:
        found = ROOT / path
        assert found.exists(), path
        yield from [found] if found.is_file() else sorted(file for file in found.rglob("*") if file.is_file())


def read_literals(source: str) -> Iterator[tuple[int, str]]:
    """The line and text of every string that is not a docstring. An f-string's values are left out."""
    tree = ast.parse(source)
    skipped: set[ast.AST] = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = [part for part in node.values if isinstance(part, ast.Constant)]
            skipped.update(parts)
            yield node.lineno, "…".join(str(part.value) for part in parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in skipped:
            yield node.lineno, node.value


def read_prose(source: str) -> Iterator[tuple[int, str]]:
    """The line and text of every docstring and comment. Comments on lines of their own are joined to paragraphs."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, node.value.value
    paragraph: list[tokenize.TokenInfo] = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        is_next_line = bool(paragraph) and token.start[0] == paragraph[-1].start[0] + 1
        if paragraph and not (is_next_line and _is_alone(token) and _is_alone(paragraph[-1])):
            yield _join_comments(paragraph)
            paragraph = []
        paragraph.append(token)
    if paragraph:
        yield _join_comments(paragraph)


def _is_alone(comment: tokenize.TokenInfo) -> bool:
    return comment.line.lstrip().startswith("#")


def _join_comments(paragraph: list[tokenize.TokenInfo]) -> tuple[int, str]:
    return paragraph[0].start[0], " ".join(token.string.lstrip("# ") for token in paragraph)


@pytest.mark.parametrize("package", PACKAGES)
def test_messages_are_plain_english(package: str):
    files = [file for file in list_files(package) if file.suffix == ".py" and "migrations" not in file.parts]
    assert files
    wrong = [
        f"{file.relative_to(ROOT)}:{line}: {phrase}"
        for file in files
        for line, text in read_literals(file.read_text())
        for phrase in find_phrases(text)
    ]
    assert wrong == []


@pytest.mark.parametrize("package", PACKAGES)
def test_docstrings_and_comments_are_plain_english(package: str):
    files = [file for file in list_files(package) if file.suffix == ".py"]
    assert files
    wrong = [
        f"{file.relative_to(ROOT)}:{line}: {phrase}"
        for file in files
        for line, text in read_prose(file.read_text())
        for phrase in find_phrases(text, PROSE_PHRASES)
    ]
    assert wrong == []


def test_pages_emails_and_documents_are_plain_english():
    wrong = [
        f"{file.relative_to(ROOT)}: {phrase}"
        for file in list_files(*TEMPLATES, *DOCUMENTS)
        if file.suffix not in IMAGES
        for phrase in find_phrases(re.sub(r"\{#.*?#\}", "", file.read_text()))
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "sentence",
    [
        "Who hangs up loses nothing.",
        "An API key does not do here.",
        "Look into your mail",
        "That was request 11 of 10 in this quarter hour.",
        "Whoever runs this server can add credits.",
        "Its codes open nothing any more.",
        "The next one is\n    welcome at 11:45 UTC.",
    ],
)
def test_the_old_sentences_are_found(sentence: str):
    assert find_phrases(sentence)
    assert find_phrases(next(text for _, text in read_literals(f"say(f{sentence!r})")))


@pytest.mark.parametrize(
    "sentence",
    [
        "If the client disconnects, the audio is still kept.",
        "API keys are not accepted here.",
        "Check your email",
        "Rate limit exceeded: 10 requests per 15 minutes. Try again at 11:45 UTC.",
    ],
)
def test_plain_sentences_pass(sentence: str):
    assert find_phrases(sentence) == []


def test_docstrings_are_not_read():
    assert list(read_literals('"""Whoever."""\ndef f():\n    """Nobody asked."""\n    return "told"\n')) == [
        (4, "told")
    ]


@pytest.mark.parametrize(
    "source",
    [
        '"""Who hangs up loses nothing."""',
        'def f():\n    """Somebody else\'s is a 404."""\n',
        'class A:\n    x = 1\n    """What is to be done."""\n',
        "x = 1  # one is under way\n",
        "# It is closed, and begins\n# anew.\nx = 1\n",
        "# Only a service\n# opens doors.",
    ],
)
def test_old_sentences_are_found_in_docstrings_and_comments(source: str):
    assert [phrase for _, text in read_prose(source) for phrase in find_phrases(text, PROSE_PHRASES)]


def test_prose_is_read_by_paragraph():
    source = '"""One."""\nx = 1  # two\n# three\n# four\ny = "# no comment"\n'
    assert list(read_prose(source)) == [(1, "One."), (2, "two"), (3, "three four")]
