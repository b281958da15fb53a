"""The documentation: every page is whole, and its tables are complete."""

import json
import re
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urldefrag

import pytest
from django.test import Client

from config.errors import DomainError
from portal.docs import html, pages, tables
from tests.config.test_deployment_files import settings_of_the_code
from tests.run import ROOT
from tts.api.schema import document
from voices.models import Voice
from webhooks.client import Outcome
from webhooks.models import Event

pytestmark = pytest.mark.django_db

FOR_CONTRIBUTORS = {"architecture"}  # read in the repository, together with the folder `decisions`


def text_of(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200, path
    return response.text


@pytest.mark.parametrize("slug", pages.SLUGS)
def test_a_page_has_one_heading_no_gap_and_no_link_to_nowhere(client: Client, voices, slug: str):
    page = text_of(client, f"/docs/{slug}")
    assert page.count("<h1") == 1
    assert "{{" not in page
    article = page.partition('<article class="prose">')[2].partition("</article>")[0]
    for target in re.findall(r'<a [^>]*href="([^"]+)"', article):
        path, anchor = urldefrag(target)
        if path.startswith("/"):
            assert client.get(path, follow=True).status_code == 200, target
        if anchor:
            there = text_of(client, path) if path else page
            assert f'id="{anchor}"' in there, target
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_the_readme_is_short_and_its_links_lead_to_files():
    readme = ROOT / "README.md"
    assert len(readme.read_bytes()) <= 8192
    assert broken_links(readme) == []


@pytest.mark.parametrize("file", sorted(pages.FOLDER.glob("**/*.md")), ids=lambda file: file.stem)
def test_links_of_a_page_lead_to_files_of_the_repository(file: Path):
    assert broken_links(file) == []


def broken_links(file: Path) -> list[str]:
    """Relative links and pictures whose file, or heading in a file, does not exist."""
    broken = []
    for target in re.findall(r"""(?:\]\(|<img src="|srcset=")([^)"]+)""", file.read_text()):
        path, anchor = urldefrag(target)
        if re.match(r"\w+:|/", path):
            continue
        there = (file.parent / path).resolve() if path else file
        if not there.exists() or (anchor and f'id="{anchor}"' not in html.render(there.read_text())[0]):
            broken.append(target)
    return broken


def test_pictures_of_the_readme_are_small():
    pictures = list((ROOT / "docs" / "images").iterdir())
    assert {file.name for file in pictures} == {
        f"{page}-{theme}.png" for page in ("landing", "dashboard") for theme in ("light", "dark")
    }
    assert max(file.stat().st_size for file in pictures) <= 150_000


def test_every_file_of_the_folder_is_a_page_and_every_table_is_shown():
    assert {file.stem for file in pages.FOLDER.glob("*.md")} - FOR_CONTRIBUTORS == set(pages.SLUGS)
    shown = {
        name for slug in pages.SLUGS for name in re.findall(r"^\{\{ (\w+) \}\}$", pages.source(slug), re.MULTILINE)
    }
    assert shown == set(tables.TABLES)


def test_pages_are_found_from_each_other_and_from_any_page(client: Client, voices):
    page = text_of(client, "/docs/streaming")
    assert "Previous: Speech" in page
    assert "Next: Voices" in page
    assert [slug for slug in pages.SLUGS if f'href="/docs/{slug}"' not in page] == []
    assert client.get("/docs").headers["Location"] == "/docs/quickstart"
    assert 'href="/docs"' in text_of(client, "/voices")


def test_a_page_that_is_not_there_is_not_found(client: Client):
    assert client.get("/docs/nothing").status_code == 404
    assert client.get("/docs/nothing.md").status_code == 404


def test_errors_are_those_of_the_api_and_of_streams():
    codes = set(re.findall(r"`([A-Z_]+)`", tables.errors()))
    of_requests = _codes_of(json.loads(document()))
    assert codes - of_requests == {
        "GENERATION_FAILED",  # in a job, not in an answer
        "METHOD_NOT_ALLOWED",
        "MODEL_NOT_FOUND",  # of /v1, where it has OpenAI's form
        "STREAM_CONSUMED",  # of the stream's URL
    }
    assert of_requests - codes == set()


def _codes_of(api: dict[str, Any]) -> set[str]:
    return {
        code
        for path, methods in api["paths"].items()
        if not path.startswith("/v1/")  # there they are in OpenAI's form
        for operation in methods.values()
        for status, response in operation["responses"].items()
        if int(status) >= 400
        for code in response["description"].split(", ")
    }


def test_an_error_of_the_documentation_is_one_that_is_raised():
    row = next(line for line in tables.errors().splitlines() if "INSUFFICIENT_CREDITS" in line)
    assert row == "| 402 | `INSUFFICIENT_CREDITS` | Need 5.00 credits, have 2.50 |"
    assert all(kind.status >= 400 for kind in tables._kinds(DomainError))


def test_webhook_tables_have_every_event_and_every_outcome():
    assert set(tables.EVENT_WORDS) == set(Event)
    assert set(tables.OUTCOME_WORDS) == set(get_args(Outcome))
    assert tables.webhook_schedule().splitlines()[-1] == "| 8 | 20 hours after the previous one |"


def test_settings_are_those_that_the_code_reads():
    documented = set(re.findall(r"^\| `(\w+)` \|", tables.environment(), re.MULTILINE))
    assert settings_of_the_code() - documented == set()


def test_tables_follow_the_database(voices):
    assert "| espeak eSpeak | Premium | 272 | Streaming, SSML, Speed | 500,000 | 100,000 |" in tables.capabilities()
    assert "| German (Germany) | `de-DE` | 2 |" in tables.languages()
    assert "| Premium | `premium` | 1.00 |" in tables.prices()
    assert "| Pro | 100 | 12,000 |" in tables.rate_limits()


def test_without_a_voice_the_page_says_so(client: Client):
    Voice.objects.update(is_enabled=False)
    assert "No voices available yet." in text_of(client, "/docs/voices")


def test_tables_of_formats():
    assert "| `ogg_opus` | audio/ogg | 8000, 16000, 24000, 48000 | 6 to 320 | 48000 Hz, 64 kbps |" in tables.formats()
    assert "| 8000 | 32, 40, 48, 56, 64 |" in tables.bitrates()


def test_language_models_get_the_list_and_the_text(client: Client, voices, settings):
    settings.PUBLIC_URL = "https://speech.example.com"
    listed = text_of(client, "/llms.txt")
    assert (
        "- [Quickstart](http://testserver/docs/quickstart.md): Go from an API key to an audio file in two minutes."
        in listed
    )
    links = re.findall(r"\(http://testserver(/docs/[^)]+\.md)\)", listed)
    assert len(links) == len(pages.SLUGS)
    markdown = text_of(client, links[0])
    assert markdown.startswith("# Quickstart\n")
    assert "export UTTERANCE_URL=https://speech.example.com UTTERANCE_KEY=tts_..." in markdown
    assert text_of(client, "/llms-full.txt").count("\n# ") >= len(pages.SLUGS) - 1
    assert client.get("/docs/errors.md").headers["Content-Type"] == "text/markdown; charset=utf-8"


def test_a_short_name_in_code_is_kept_whole(client: Client):
    page = text_of(client, "/docs/webhooks")
    assert '<code class="nowrap">connection_failed</code>' in page
    assert '<code class="nowrap">X-TTS-Delivery-ID</code>' in page


def test_code_has_tabs_and_a_copy_button(client: Client):
    page = text_of(client, "/docs/quickstart")
    assert re.findall(r'<label for="code-\d+-\d">(\w+)</label>', page) == ["curl", "Python", "Node"]
    assert "Copy" in page
