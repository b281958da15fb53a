"""Names that were replaced, and kinds of names that are not used, stay out of the product's code."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("accounts", "billing", "tts", "voices", "webhooks", "portal", "operations", "speech", "config")

# The old word and its successor. As whole names: of variables, parameters, attributes, functions, classes and modules.
REPLACED = {
    "entrance": "auth views",
    "password_again": "reauthentication",
    "why_stopped": "blocked_reason",
    "RememberedRequest": "IdempotencyRecord",
    "MayUseScope": "HasScope",
    "UnknownAddress": "ApiNotFound",
    "LookIntoYourMail": "EmailVerificationSent",
    "Recharge": "AutoTopUp",
    "taken_back": "clawed_back",
    "TAKEN_BACK": "CLAWED_BACK",
    "winding_up": "cancel_on_deletion",
    "StripeCursor": "StripeEventLock",
    "give_back_to_key": "release_key_spend",
    "is_held": "renewal_paused",
    "Letter": "PreparedRequest",
    "Made": "AttemptResult, Timings",
    "Answer": "DeliveryResponse",
    "own_url": "job_url",
    "is_own_url": "uses_job_url",
    "wake_up": "dispatch",
    "wake_ups": "task_dispatch",
    "Making": "JobTimer",
    "Audition": "VoicePreview",
    "ways_back": "safe_redirect",
    "Turns": "FairLock",
    "repeatable": "deterministic_noise",
    "plausible": "duration_check",
    "sane": "sanitize",
    "folder_watch": "inotify",
    "Frame": "Navigation",
    "picks": "selected_voices",
    "MAX_PICKS": "MAX_SELECTED_VOICES",
    "Heard": "PreviewCard",
    "charge_kept_card": "charge_saved_card",
}
# A field of the API's answers keeps its name.
ALLOWED = {("webhooks/serializers.py", "own_url")}


def read_names(source: str) -> Iterator[tuple[int, str, str]]:
    """The line, kind (function, variable or other) and text of every name, aliases and keywords included."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield node.lineno, "function", node.name
            case ast.ClassDef():
                yield node.lineno, "other", node.name
            case ast.Name():
                yield node.lineno, "variable", node.id
            case ast.arg():
                yield node.lineno, "variable", node.arg
            case ast.Attribute():
                yield node.lineno, "other", node.attr
            case ast.keyword(arg=str(name)):
                yield node.value.lineno, "other", name
            case ast.alias():
                for name in (*node.name.split("."), *([node.asname] if node.asname else [])):
                    yield node.lineno, "other", name


def find_faults(file: str, source: str) -> list[str]:
    """What is wrong with the names in `source`, with the line and what to write instead."""
    faults = []
    for line, kind, name in read_names(source):
        if kind == "function" and name.endswith("_of"):
            faults.append(f"{file}:{line}: {name}(): write a noun, or get_, find_ or build_")
        if kind == "variable" and name == "each":
            faults.append(f"{file}:{line}: each: write what it is")
        if name in REPLACED and (file, name) not in ALLOWED:
            faults.append(f"{file}:{line}: {name}: write {REPLACED[name]}")
    return faults


@pytest.mark.parametrize("package", PACKAGES)
def test_names_are_of_the_glossary(package: str):
    files = [file for file in sorted((ROOT / package).rglob("*.py")) if "migrations" not in file.parts]
    assert files
    faults = [fault for file in files for fault in find_faults(str(file.relative_to(ROOT)), file.read_text())]
    modules = [f"{file.relative_to(ROOT)}: {REPLACED[file.stem]}" for file in files if file.stem in REPLACED]
    assert faults + modules == []


def test_no_template_names_a_loop_variable_each():
    templates = list((ROOT / "templates").rglob("*"))
    assert templates
    assert [file for file in templates if file.is_file() and "{% for each" in file.read_text()] == []


@pytest.mark.parametrize(
    "source",
    [
        "def key_of(row): ...",
        "async def _key_of(row): ...",
        "for each in rows: ...",
        "sorted(rows, key=lambda each: each.pk)",
        "[row for number, each in rows]",
        "account.why_stopped",
        "record(own_url='')",
        "class Letter: ...",
        "import portal.ways_back",
        "from webhooks import guard as Letter",
    ],
)
def test_the_old_names_are_found(source: str):
    assert find_faults("webhooks/sender.py", source)


@pytest.mark.parametrize(
    "source",
    [
        "def get_key(row): ...",
        "raise ValidationFailed.of_field('each', 'wake_up')",
        "submit_job(retry_of=job)",
        '"""For each of them."""',
    ],
)
def test_other_names_pass(source: str):
    assert find_faults("webhooks/sender.py", source) == []
