"""Generates the tables of the documentation, as Markdown, from the code and the database.

To add one, write a function that returns Markdown and add it to TABLES; a page shows it with a line `{{ name }}`.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db.models import Count, Max, Q

from accounts.forms.auth import SCOPE_CHOICES
from accounts.selectors import list_plans
from billing.selectors import get_prices
from config.errors import DomainError
from portal.pages.cards import CAPABILITIES, TIERS
from portal.prices import list_price_rows
from speech.audio.formats import FORMATS, OUTPUT_FORMATS
from voices.selectors import usable_voices
from webhooks.client import Outcome
from webhooks.models import Event
from webhooks.schedule import PAUSES

ENV_EXAMPLE = Path(settings.BASE_DIR) / ".env.example"

EVENT_WORDS: Final[Mapping[Event, str]] = {
    Event.JOB_COMPLETED: "the audio of a job is ready",
    Event.JOB_FAILED: "a job failed; everything that was not streamed is refunded",
    Event.TEST: "a test was requested; `data` contains its `test_id`",
}

# What the receiver responds, and what happens then.
OUTCOME_WORDS: Final[Mapping[Outcome, tuple[str, str]]] = {
    "delivered": ("2xx within 10 s", "done; at most 64 KB of the body are read, without decompression"),
    "gone": ("410", "the endpoint is disabled immediately, and the owners get an email"),
    "rate_limited": ("429", "retried, not before `Retry-After`"),
    "redirect": ("3xx", "not followed; retried"),
    "http_error": ("any other status", "retried"),
    "timeout": ("no response within 10 s, or no connection within 5 s", "retried"),
    "connection_failed": ("connection refused or closed early", "retried"),
    "tls_failed": ("invalid certificate, or no TLS", "retried"),
    "dns_failed": ("host name cannot be resolved", "retried"),
    "blocked": ("address or port is not allowed", "not connected; retried"),
    "unsigned": ("the signing secret can no longer be read", "not sent; retried"),
    "bad_answer": ("response is not HTTP", "retried"),
}


def errors() -> str:
    """Lists the errors with an example. The others are not returned by the API, only shown on pages."""
    known = {(kind.status, kind.code, kind.example) for kind in _kinds(DomainError) if kind.example}
    rows = [(str(status), f"`{code}`", example) for status, code, example in sorted(known)]
    return _table(("status", "code", "example"), rows)


def _kinds(kind: type[DomainError]) -> set[type[DomainError]]:
    kinds = set(kind.__subclasses__())
    return {child for child in kinds if hasattr(child, "code")}.union(*(_kinds(child) for child in kinds))


def rate_limits() -> str:
    rows = [
        (plan.name, f"{plan.generate_limit:,}" if plan.allows_api else "no API", f"{plan.read_limit:,}")
        for plan in list_plans()
    ]
    anonymous = ("without a key, per IP address", "no API", f"{settings.ANONYMOUS_READ_LIMIT:,}")
    return _table(("plan", "`generate`", "`read`"), [*rows, anonymous])


def formats() -> str:
    rows = []
    for name in OUTPUT_FORMATS:
        spec = FORMATS[name]
        kbps = sorted({bitrate for legal in spec.bitrates_kbps.values() for bitrate in legal})
        default = f"{spec.default_rate_hertz} Hz" if spec.default_rate_hertz else "the engine's rate"
        if spec.default_bitrate_kbps:
            default += f", {spec.default_bitrate_kbps} kbps"
        rows.append((f"`{name}`", spec.content_type, _listed(sorted(spec.bitrates_kbps)), _bitrates(kbps), default))
    return _table(("`output_format`", "content type", "`sample_rate_hertz`", "`output_bitrate_kbps`", "default"), rows)


def bitrates() -> str:
    """Lists MP3's bitrates, which by its standard depend on the sample rate."""
    rows = [(f"{rate}", _listed(legal)) for rate, legal in sorted(FORMATS["mp3"].bitrates_kbps.items())]
    return _table(("`sample_rate_hertz`", "`output_bitrate_kbps`"), rows)


def capabilities() -> str:
    """Lists what the currently available voices support, by family."""
    counted = {f"n_{field}": Count("pk", filter=Q(**{field: True})) for field, _ in CAPABILITIES.values()}
    found = (
        usable_voices()
        .values("provider", "family", "model_type")
        .annotate(voices=Count("pk"), text=Max("max_text_bytes"), stream=Max("max_stream_bytes"), **counted)
        .order_by("provider", "family", "model_type")
    )
    rows = [
        (
            f"{row['provider']} {row['family']}",
            TIERS[row["model_type"]],
            str(row["voices"]),
            _abilities(row),
            f"{row['text']:,}",
            f"{row['stream']:,}" if row["stream"] else "–",
        )
        for row in found
    ]
    head = ("family", "tier", "voices", "supports", "max. text bytes", "max. stream bytes")
    return _table(head, rows, none="No voices available yet.")


def _abilities(row: Mapping[str, Any]) -> str:
    words = []
    for field, name in CAPABILITIES.values():
        can = row[f"n_{field}"]
        if can:
            words.append(name if can == row["voices"] else f"{name} (some)")
    return ", ".join(words) or "plain text"


def languages() -> str:
    found = (
        usable_voices()
        .values("language", "language_name")
        .annotate(voices=Count("pk"))
        .order_by("language_name", "language")
    )
    rows = [(row["language_name"], f"`{row['language']}`", str(row["voices"])) for row in found]
    return _table(("language", "`language`", "voices"), rows, none="No voices available yet.")


def scopes() -> str:
    return _table(
        ("scope", "allows an API key to"), [(f"`{scope}`", f"{words}: {words.note}") for scope, words in SCOPE_CHOICES]
    )


def prices() -> str:
    rows = [(row.name, f"`{row.code}`", row.per_1000) for row in list_price_rows(get_prices())]
    return _table(("voices", "`model_type` or family", "credits per 1,000 characters"), rows)


def webhook_events() -> str:
    return _table(("event", "when"), [(f"`{event}`", words) for event, words in EVENT_WORDS.items()])


def webhook_outcomes() -> str:
    rows = [(does, f"`{outcome}`", then) for outcome, (does, then) in OUTCOME_WORDS.items()]
    return _table(("response", "outcome", "result"), rows)


def webhook_schedule() -> str:
    rows = [("1", "immediately")]
    rows += [(str(number), f"{_period(pause)} after the previous one") for number, pause in enumerate(PAUSES, start=2)]
    return _table(("attempt", "when"), rows)


def environment() -> str:
    """Lists the settings of `.env.example` by group. One without a comment belongs to the comment above it."""
    parts: list[str] = []
    rows: list[tuple[str, str, str]] = []
    comment: list[str] = []
    for line in [*ENV_EXAMPLE.read_text().splitlines(), "# --- end ---"]:
        if heading := re.fullmatch(r"# --- (.+) ---", line):
            if rows:
                parts.append(_table(("setting", "default or example", "meaning"), rows))
            parts.append(f"### {heading[1][0].upper()}{heading[1][1:]}")
            rows, comment = [], []
        elif setting := re.fullmatch(r"#?([A-Z][A-Z0-9_]+)=(.*)", line):
            value = f"`{setting[2]}`" if setting[2] else ""
            rows.append((f"`{setting[1]}`", value, " ".join(comment)))
            comment = []
        elif line.startswith("# ") and parts:
            comment.append(line.removeprefix("# "))
        elif not line:
            comment = []
    return "\n\n".join(parts[:-1])


# --- Markdown --------------------------------------------------------------------------------------


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], *, none: str = "") -> str:
    lines = [_row(row) for row in rows]
    if not lines:
        return none
    return "\n".join([_row(head), "|" + "---|" * len(head), *lines])


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(str(number) for number in numbers)


def _bitrates(kbps: Sequence[int]) -> str:
    if not kbps:
        return "–"
    is_range = kbps == list(range(kbps[0], kbps[-1] + 1))
    return f"{kbps[0]} to {kbps[-1]}" if is_range else _listed(kbps)


def _period(pause: timedelta) -> str:
    minutes = int(pause.total_seconds()) // 60
    number, unit = (minutes // 60, "hour") if minutes >= 60 else (minutes, "minute")
    return f"{number} {unit}" + ("s" if number > 1 else "")


TABLES: Final[Mapping[str, Callable[[], str]]] = {
    "errors": errors,
    "rate_limits": rate_limits,
    "formats": formats,
    "bitrates": bitrates,
    "capabilities": capabilities,
    "languages": languages,
    "scopes": scopes,
    "webhook_events": webhook_events,
    "webhook_outcomes": webhook_outcomes,
    "webhook_schedule": webhook_schedule,
    "prices": prices,
    "settings": environment,
}
