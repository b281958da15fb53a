"""No regular expression takes long for a text that somebody made to keep it busy."""

import re

import pytest

from speech.text.normalize import WINDOW_CHARS
from tests.config.regexes import Regex, inventory, slowest

HOSTILE_CHARS = 100_000
LIMIT_SECONDS = 0.05  # of processor time
PARTS = 8  # so that several processes share the work


def largest_text(regex: Regex) -> int:
    return WINDOW_CHARS if regex.is_windowed else HOSTILE_CHARS


@pytest.mark.parametrize("part", range(PARTS))
def test_every_regular_expression_is_quick_on_hostile_text(part: int):
    slow = {
        regex.place: (regex.pattern.pattern, timing)
        for regex in inventory()[part::PARTS]
        if (timing := slowest(regex, size=largest_text(regex), limit_seconds=LIMIT_SECONDS)).seconds > LIMIT_SECONDS
    }
    assert slow == {}


@pytest.mark.parametrize(
    ("pattern", "use"),
    [
        (r"(a+)+$", "match"),
        (r"\s+$", "search"),
        (r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", "sub"),  # an email
        (r"(://[^\s:/@]*:)[^\s@]+@", "sub"),  # the password in a URL
        (r"\b[\w-]*token=", "sub"),
        (r"[;!?]+(?=\s|$)", "split"),  # marks at the end of a word
        (r"^r/(?P<content_type_id>.+)/(?P<object_id>.+)/\Z", "fullmatch"),  # a URL of Django's admin
    ],
)
def test_the_texts_show_a_slow_pattern(pattern: str, use: str):
    timing = slowest(Regex("here", re.compile(pattern), use), size=HOSTILE_CHARS, limit_seconds=LIMIT_SECONDS)
    assert timing.seconds > LIMIT_SECONDS


def test_the_inventory_sees_constants_calls_fields_urls_and_settings(settings):
    settings.SECURE_REDIRECT_EXEMPT = [r"^(healthz)$"]
    inventory.cache_clear()
    try:
        found = {(regex.pattern.pattern, regex.use) for regex in inventory()}
    finally:
        inventory.cache_clear()
    assert (r"[A-Za-z0-9._:-]{1,128}", "fullmatch") in found  # config.middleware: a constant, and what is done with it
    assert (r"[\x00-\x20\x7f\\]", "search") in found  # webhooks.ssrf: where it is used
    assert (r"^\d+(\.\d+)?$", "search") in found  # billing.api: a field of a serializer
    assert (r"((?:\d{1,6}(?:\.\d{1,6})?|\.\d{1,6}))(ms|s)", "fullmatch") in found  # speech.ssml.elements: put together
    assert (r"^audio/(?P<key>.+)\Z", "fullmatch") in found  # a route
    assert (r"^(healthz)$", "search") in found
