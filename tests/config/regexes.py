"""Every regular expression of the project, and texts that make a slow one show itself.

The inventory reads the source of every module and the URL configuration: a new pattern is in it without being listed.
"""

import ast
import importlib
import re
import string
import time
from collections import deque
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver

from speech.text import rules, scan
from tests.run import ROOT

# Where the flags stand among the positional arguments of re's functions.
FLAGS_POSITION = {
    "compile": 1, "match": 2, "search": 2, "fullmatch": 2, "findall": 2, "finditer": 2, "split": 3, "sub": 4, "subn": 4,
}  # fmt: skip
USES: Mapping[str, Callable[[re.Pattern[str], str], object]] = {
    "match": lambda pattern, text: pattern.match(text),
    "search": lambda pattern, text: pattern.search(text),
    "fullmatch": lambda pattern, text: pattern.fullmatch(text),
    "findall": lambda pattern, text: pattern.findall(text),
    "finditer": lambda pattern, text: deque(pattern.finditer(text), maxlen=0),
    "split": lambda pattern, text: pattern.split(text),
    "sub": lambda pattern, text: pattern.sub("", text),
    "subn": lambda pattern, text: pattern.subn("", text),
}
WHOLE_TEXTS = ("speech.text.composition", "speech.text.normalize", "speech.text.silence")
REGEX_SETTINGS = ("SECURE_REDIRECT_EXEMPT", "DISALLOWED_USER_AGENTS", "IGNORABLE_404_URLS")
# How many characters a text has, and how many of the slowest texts go on to the next size.
STAGES = ((24, 10_000), (1_000, 20), (10_000, 6))
MAX_TEXTS = 5_000  # of a pattern with many parts, evenly taken from all
RUNS = 3


@dataclass(frozen=True)
class Regex:
    """A pattern, where it stands, and what is done with it."""

    place: str
    pattern: re.Pattern[str]
    use: str

    @property
    def is_windowed(self) -> bool:
        """Whether it only sees a window of a text, because `speech.text.normalize` passes no more to a language."""
        return self.place.startswith("speech.text.") and not self.place.startswith(WHOLE_TEXTS)

    def run(self, text: str) -> float:
        """Seconds of processor time."""
        began = time.process_time()
        USES[self.use](self.pattern, text)
        return time.process_time() - began


# --- the inventory -------------------------------------------------------------------------------


@cache
def inventory() -> list[Regex]:
    found = [*_in_source(), *_in_namespaces(), *_in_urls(get_resolver(), "urls"), *_in_settings()]
    # Rules of languages are only ever used to replace: one use is enough for them.
    return list({(regex.pattern, regex.use if not regex.is_windowed else ""): regex for regex in found}.values())


@cache
def _sources() -> dict[str, ast.Module]:
    """The syntax tree of each module of the project, by dotted name; tests excepted."""
    packages = [path.parent for path in ROOT.glob("*/__init__.py") if path.parent.name != "tests"]
    files = [path for package in packages for path in package.rglob("*.py") if "migrations" not in path.parts]
    return {_dotted(path): ast.parse(path.read_text()) for path in sorted(files)}


def _dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _in_source() -> Iterator[Regex]:
    for module, tree in _sources().items():
        names = {
            node.value: target.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            if isinstance(target, ast.Name)
        }
        looped = set(_in_loops(tree))
        for node in ast.walk(tree):
            if node in looped:
                continue  # `_in_namespaces` yields the results
            if isinstance(node, ast.ImportFrom):
                assert node.module != "re", f"{module}: write `import re`, so that the inventory sees its patterns"
            if not isinstance(node, ast.Call):
                continue
            for pattern, flags, use in _expressions(node):
                compiled = re.compile(_value(module, pattern), _value(module, flags) if flags else 0)
                uses = [use] if use else _methods_called(names.get(node)) or ["search", "sub"]
                for method in uses:
                    yield Regex(f"{module}:{node.lineno} {method}", compiled, method)


def _in_loops(tree: ast.Module) -> Iterator[ast.AST]:
    """Yields the nodes of comprehensions that build constants. Their variables no longer exist afterwards."""
    for statement in tree.body:
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            for node in ast.walk(statement):
                if isinstance(node, ast.DictComp | ast.ListComp | ast.SetComp | ast.GeneratorExp):
                    yield from ast.walk(node)


def _in_namespaces() -> Iterator[Regex]:
    """Yields patterns in tables: compiled ones, and those of language rules, which are compiled on first use."""
    for module in _sources():
        for name, value in vars(importlib.import_module(module)).items():
            if isinstance(value, dict | list | tuple):
                for pattern in _in_table(value):
                    yield Regex(f"{module}.{name}", pattern, "sub")


def _in_table(value: object) -> Iterator[re.Pattern[str]]:
    match value:
        case re.Pattern():
            yield value
        case rules.Rule(pattern=pattern, flags=flags):
            yield re.compile(pattern, flags)
        case scan.Rule(pattern=pattern):
            yield pattern
        case dict():
            for entry in value.values():
                yield from _in_table(entry)
        case list() | tuple():
            for entry in value:
                yield from _in_table(entry)


def _expressions(call: ast.Call) -> Iterator[tuple[ast.expr, ast.expr | None, str]]:
    """Pattern, flags and use of a call that takes a regular expression; use "" where the call only compiles it."""
    keywords = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if isinstance(call.func, ast.Attribute) and getattr(call.func.value, "id", "") == "re" and name in FLAGS_POSITION:
        position = FLAGS_POSITION[name]
        flags = keywords.get("flags") or (call.args[position] if len(call.args) > position else None)
        yield keywords.get("pattern") or call.args[0], flags, "" if name == "compile" else name
    elif name.endswith(("RegexField", "RegexValidator")):
        yield keywords.get("regex") or call.args[0], keywords.get("flags"), "search"
    for keyword, value in keywords.items():
        if keyword.endswith(("__regex", "__iregex")):
            yield value, None, "search"


def _value(module: str, expression: ast.expr) -> Any:
    """What an expression is worth at the module's top level, which is where its constants are."""
    names = vars(importlib.import_module(module))
    return eval(compile(ast.Expression(expression), module, "eval"), names)  # noqa: S307 - our own source


def _methods_called(name: str | None) -> list[str]:
    """What the project does with the compiled pattern of this name."""
    return sorted(_calls_by_name().get(name, ())) if name else []


@cache
def _calls_by_name() -> dict[str, set[str]]:
    calls: dict[str, set[str]] = {}
    for tree in _sources().values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in USES:
                name = getattr(node.value, "id", getattr(node.value, "attr", ""))
                calls.setdefault(name, set()).add(node.attr)
    return calls


def _in_urls(resolver: URLResolver | URLPattern, place: str) -> Iterator[Regex]:
    place = f"{place} {resolver.pattern}"
    yield Regex(place, resolver.pattern.regex, "fullmatch" if isinstance(resolver, URLPattern) else "match")
    yield from (found for part in getattr(resolver, "url_patterns", []) for found in _in_urls(part, place))


def _in_settings() -> Iterator[Regex]:
    for name in REGEX_SETTINGS:
        yield from (Regex(f"settings.{name}", re.compile(pattern), "search") for pattern in getattr(settings, name, []))


# --- hostile texts -------------------------------------------------------------------------------

Items = Any  # what re's own parser makes of a pattern: pairs of an operator and its arguments
_parser: Any = re._parser
_REPEATS = {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}
_CATEGORIES: Mapping[str, Callable[[str], bool]] = {
    "CATEGORY_DIGIT": str.isdecimal,
    "CATEGORY_SPACE": str.isspace,
    "CATEGORY_WORD": lambda char: char.isalnum() or char == "_",
}


def hostile_texts(pattern: re.Pattern[str], size: int) -> Iterator[str]:
    """Texts of about `size` characters, made of what the pattern itself looks for.

    Each begins with what gets the pattern to one of its repetitions, goes on with one character, a pair or a fragment
    of a match again and again, and ends well, too early, or with something else.
    """
    tree = _parser.parse(pattern.pattern, pattern.flags)
    whole = _example(tree)
    nodes = list(_nodes(tree, in_repeat=False))
    singles = _representatives([test for test, _ in nodes])
    pairs = _representatives([test for test, is_repeated in nodes if is_repeated])
    units = {*singles, *(a + b for a in pairs for b in pairs), *_fragments(tree)} - {""}
    endings = dict.fromkeys(["", "\n", "\0", whole, whole[-1:], whole[:-1]])
    for start in dict.fromkeys(["", *_beginnings(tree, "")]):
        for unit in sorted(units):
            for ending in endings:
                yield start + unit * (size // len(unit)) + ending


def _example(items: Items) -> str:
    """A short text that it matches, where nothing looks ahead or behind."""
    return "".join(_example_of(operator.name, argument) for operator, argument in items)


def _example_of(name: str, argument: Any) -> str:
    if name in _REPEATS:
        return _example(argument[2]) * max(int(argument[0]), 1)
    if name == "SUBPATTERN":
        return _example(argument[3])
    if name == "ATOMIC_GROUP":
        return _example(argument)
    if name == "BRANCH":
        return _example(argument[1][0])
    if name in {"LITERAL", "NOT_LITERAL", "ANY", "IN"}:
        return next(char for char in _pool([(name, argument)]) if _is_member(char, name, argument))
    return ""


def _inside(name: str, argument: Any) -> list[Items]:
    """The sequences in an item."""
    if name in _REPEATS:
        return [argument[2]]
    if name == "SUBPATTERN":
        return [argument[3]]
    if name == "ATOMIC_GROUP":
        return [argument]
    if name == "BRANCH":
        return list(argument[1])
    if name in {"ASSERT", "ASSERT_NOT"}:
        return [argument[1]]
    return []


def _nodes(items: Items, *, in_repeat: bool) -> Iterator[tuple[tuple[str, Any], bool]]:
    """What stands for one character, and whether that is in a repetition."""
    for operator, argument in items:
        if operator.name in {"LITERAL", "NOT_LITERAL", "ANY", "IN"}:
            yield (operator.name, argument), in_repeat
        for inner in _inside(operator.name, argument):
            yield from _nodes(inner, in_repeat=in_repeat or operator.name in _REPEATS)


def _beginnings(items: Items, before: str) -> Iterator[str]:
    """What leads to each repetition."""
    for operator, argument in items:
        if operator.name in _REPEATS:
            yield before
        for inner in _inside(operator.name, argument):
            yield from _beginnings(inner, before)
        before += _example_of(operator.name, argument)


def _fragments(items: Items) -> Iterator[str]:
    """Each run of neighbours in a sequence, as an example of it."""
    examples = [_example_of(operator.name, argument) for operator, argument in items]
    for first in range(len(examples)):
        for last in range(first + 1, min(len(examples), first + 12) + 1):
            yield "".join(examples[first:last])
    for operator, argument in items:
        for inner in _inside(operator.name, argument):
            yield from _fragments(inner)


def _representatives(tests: list[tuple[str, Any]]) -> list[str]:
    """One character for each way in which the tests, and a boundary of words or lines, can tell characters apart."""
    tests = [*tests, *(("CATEGORY", _parser.CATEGORY_WORD), ("CATEGORY", _parser.CATEGORY_SPACE))]
    kinds = {tuple(_is_member(char, *test) for test in tests): char for char in reversed(_pool(tests))}
    return list(kinds.values())


def _pool(tests: list[tuple[str, Any]]) -> list[str]:
    named = {chr(code) for name, argument in tests for code in _codes(name, argument)}
    return [*string.ascii_letters, *string.digits, *string.punctuation, *" \n\r\té。", *sorted(named)]


def _codes(name: str, argument: Any) -> Iterator[int]:
    if name == "LITERAL":
        yield argument
    elif name == "RANGE":
        yield from argument
    elif name == "IN":
        for operator, inner in argument:
            yield from _codes(operator.name, inner)


def _is_member(char: str, name: str, argument: Any) -> bool:
    if name == "LITERAL":
        return bool(ord(char) == argument)
    if name == "NOT_LITERAL":
        return bool(ord(char) != argument)
    if name == "RANGE":
        return bool(argument[0] <= ord(char) <= argument[1])
    if name == "ANY":
        return True
    if name == "CATEGORY":
        is_in = _CATEGORIES[argument.name.replace("_NOT", "")](char)
        return is_in != ("_NOT" in argument.name)
    negated = bool(argument) and argument[0][0].name == "NEGATE"
    return any(_is_member(char, operator.name, inner) for operator, inner in argument[negated:]) != negated


# --- timing --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Timing:
    """Processor time for one text, whose beginning is shown."""

    seconds: float
    size: int
    text: str


def slowest(regex: Regex, *, size: int, limit_seconds: float) -> Timing:
    """The hostile text that takes longest, of `size` characters, or a shorter one that takes too long already.

    Begins with short texts: a pattern that takes exponential time fails instead of never ending.
    """
    count = sum(1 for _ in hostile_texts(regex.pattern, 1))
    numbers: Container[int] = range(0, count, -(-count // MAX_TEXTS))
    for smaller, kept in STAGES:
        if smaller >= size:
            break
        timings = []
        for number, text in _numbered(regex, smaller, numbers):
            seconds = regex.run(text)
            if seconds > limit_seconds and (least := _least_seconds(regex, text)) > limit_seconds:
                return Timing(least, smaller, text[:40])
            timings.append((seconds, number))
        numbers = {number for _, number in sorted(timings, reverse=True)[:kept]}
    seconds, beginning = max((_least_seconds(regex, text), text[:40]) for _, text in _numbered(regex, size, numbers))
    return Timing(seconds, size, beginning)


def _numbered(regex: Regex, size: int, numbers: Container[int]) -> Iterator[tuple[int, str]]:
    texts = enumerate(hostile_texts(regex.pattern, size))
    return ((number, text) for number, text in texts if number in numbers)


def _least_seconds(regex: Regex, text: str) -> float:
    """Of several runs: on a busy machine one may take longer than it needs."""
    return min(regex.run(text) for _ in range(RUNS))
