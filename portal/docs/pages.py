"""Lists the pages of the documentation in reading order, and reads their text.

A page is `docs/<slug>.md`. A line that is only `{{ name }}` is replaced by the table of that name
(`portal.docs.tables`), `{{ url }}` anywhere by the address of this service, and the voice of the examples by the best
one available here. Pages link to each other by file name, such as `speech.md#formats`, so that the links also work in
the repository. To add a page, write the file and add its name here. `docs/architecture.md` and `docs/decisions/` are
for contributors: they are read in the repository and not served.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from portal.docs.tables import TABLES
from voices.selectors import get_default_voice

FOLDER = Path(settings.BASE_DIR) / "docs"
EXAMPLE_VOICE_ID = "kokoro:en-US-Kokoro-Heart"  # in the files; the best voice if Kokoro is installed
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
    """Returns the file unchanged. `slug` is one of SLUGS."""
    return (FOLDER / f"{slug}.md").read_text()


def link(slug: str) -> Link:
    return Link(slug, source(slug).split("\n", 1)[0].removeprefix("# "))


def lead(slug: str) -> str:
    """Returns the first paragraph, which says what the page is about."""
    return source(slug).split("\n\n")[1].replace("\n", " ")


def navigation() -> dict[str, list[Link]]:
    return {section: [link(slug) for slug in slugs] for section, slugs in SECTIONS.items()}


def neighbours(slug: str) -> tuple[Link | None, Link | None]:
    """Returns the previous and the next page."""
    place = SLUGS.index(slug)
    before = link(SLUGS[place - 1]) if place else None
    after = link(SLUGS[place + 1]) if place + 1 < len(SLUGS) else None
    return before, after


def markdown(slug: str) -> str:
    """Returns the page as plain Markdown, with its tables, absolute links and a voice that is available here."""
    text = LINK.sub(r"](/docs/\1", source(slug)).replace("{{ url }}", settings.PUBLIC_URL)
    if EXAMPLE_VOICE_ID in text and (voice := get_default_voice()) is not None:
        text = text.replace(EXAMPLE_VOICE_ID, voice.voice_id)
    return re.sub(r"^\{\{ (\w+) \}\}$", lambda found: TABLES[found[1]](), text, flags=re.MULTILINE)
