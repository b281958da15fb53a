"""Phrases that were replaced by plain English and stay out of what people read: pages, emails, messages, documents.

String literals of all packages, all templates and documents.
"""

import ast
import re
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


def find_phrases(text: str) -> list[str]:
    """Each phrase that occurs, with what to write instead."""
    plain = " ".join(text.split())
    return [
        f"“{found[0]}”: write “{better}”"
        for phrase, better in PHRASES.items()
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
