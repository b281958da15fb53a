"""Which pages there are, in reading order, and their text.

A page is `docs/<slug>.md`. A line that is only `{{ name }}` is replaced by the table of that name
(`portal.docs.tables`), `{{ url }}` anywhere by the address of this service, and the voice of the examples by the best
that works here. Pages link each other by file name, such as `speech.md#formats`, so that the links work in the
repository as well. To add a page, write the file and name it here. `docs/architecture.md` and `docs/decisions/` are for
contributors: they are read in the repository and not served.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from portal.docs.tables import TABLES
from voices.selectors import get_default_voice

FOLDER = Path(settings.BASE_DIR) / "docs"
EXAMPLE_VOICE_ID = "kokoro:en-US-Kokoro-Heart"  # in the files; the best voice, where Kokoro is installed
SECTIONS = {
    "Start": ("quickstart", "authentication", "errors", "rate-limits", "idempotency"),
    "Speech": ("speech", "streaming", "voices", "openai"),
    "Account": ("accounts", "credits", "webhooks"),
    "Host": ("self-hosting", "engines", "payments", "operating"),
}
SLUGS = tuple(slug for slugs in SECTIONS.values() for slug in slugs)
LINK = re.compile(r"\]\(([a-z-]+)\.md(?=[#)])")


@dataclass(frozen=True, slots=True)
class Link:
    slug: str
    title: str


def source(slug: str) -> str:
    """The file as it was written. `slug` is one of SLUGS."""
    return (FOLDER / f"{slug}.md").read_text()


def link(slug: str) -> Link:
    return Link(slug, source(slug).split("\n", 1)[0].removeprefix("# "))


def lead(slug: str) -> str:
    """The first paragraph: what the page is about."""
    return source(slug).split("\n\n")[1].replace("\n", " ")


def navigation() -> dict[str, list[Link]]:
    return {section: [link(slug) for slug in slugs] for section, slugs in SECTIONS.items()}


def neighbours(slug: str) -> tuple[Link | None, Link | None]:
    """The pages before and after."""
    place = SLUGS.index(slug)
    before = link(SLUGS[place - 1]) if place else None
    after = link(SLUGS[place + 1]) if place + 1 < len(SLUGS) else None
    return before, after


def markdown(slug: str) -> str:
    """The page with its tables, as plain Markdown. Its links are addresses of this service, its examples speak here."""
    text = LINK.sub(r"](/docs/\1", source(slug)).replace("{{ url }}", settings.PUBLIC_URL)
    if EXAMPLE_VOICE_ID in text and (voice := get_default_voice()) is not None:
        text = text.replace(EXAMPLE_VOICE_ID, voice.voice_id)
    return re.sub(r"^\{\{ (\w+) \}\}$", lambda found: TABLES[found[1]](), text, flags=re.MULTILINE)
