"""The line about natural voices on their way: where it is shown, and what htmx asks for until they are here."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from speech.engines.kokoro.progress import write_progress
from tests.support.installing import at_percent, installing
from voices.models import Voice

pytestmark = pytest.mark.django_db

LINE = "Natural voices are being installed: 43 %. Until then, eSpeak's basic voices speak."
READY = "Natural voices are ready. Reload this page to hear them."


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    settings.KOKORO_MODEL_DIR = tmp_path / "kokoro"
    return tmp_path / "kokoro"


def text_of(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return " ".join(re.sub(r"<[^>]*>", "", response.content.decode()).split()).replace("&#x27;", "'")


@pytest.mark.parametrize("path", ["/", "/voices", "/overview", "/playground"])
def test_people_see_how_far_it_is(folder: Path, signed_in: Client, voices: None, path: str):
    with installing(folder, 43):
        assert LINE in text_of(signed_in, path)


@pytest.mark.parametrize("path", ["/", "/voices"])
def test_visitors_see_it_too(folder: Path, client: Client, voices: None, path: str):
    with installing(folder, 43):
        assert LINE in text_of(client, path)


@pytest.mark.parametrize("path", ["/", "/voices", "/overview", "/playground"])
def test_there_is_no_line_when_nothing_is_installed(folder: Path, signed_in: Client, voices: None, path: str):
    assert "Natural voices are" not in text_of(signed_in, path)
    assert "installing" not in signed_in.get(path).content.decode()


def test_the_line_asks_again_while_it_is_true(folder: Path, client: Client):
    with installing(folder, 43):
        line = client.get("/installing")
        assert line["Cache-Control"].startswith("max-age=0, no-cache, no-store")
        assert 'hx-get="/installing"' in line.content.decode()
        assert LINE in text_of(client, "/installing")


def test_it_waits_for_the_catalogue_and_then_says_that_they_are_ready(folder: Path, client: Client, voices: None):
    folder.mkdir()
    write_progress(folder, "installed", at_percent(100))
    assert "being installed: 100 %" in text_of(client, "/installing")
    assert "hx-get" in client.get("/installing").content.decode()
    Voice.objects.filter(provider="kokoro").update(unavailable_reason="")
    assert text_of(client, "/installing") == READY
    assert "hx-get" not in client.get("/installing").content.decode()


def test_an_installation_that_failed_is_not_asked_about_again(folder: Path, client: Client, voices: None):
    folder.mkdir()
    write_progress(folder, "failed", at_percent(43), reason="the disk is full")
    assert text_of(client, "/installing") == (
        "The installation of natural voices was interrupted. The server will try again; until then, eSpeak speaks."
    )
    assert "hx-get" not in client.get("/installing").content.decode()


def test_without_any_installation_there_is_nothing_to_say(folder: Path, client: Client):
    assert text_of(client, "/installing") == ""


def test_no_page_but_the_four_reads_the_state(folder: Path, client: Client, voices: None, monkeypatch: Any):
    monkeypatch.setattr("portal.pages.installing.get_running_installation", lambda: pytest.fail("it was read"))
    assert client.get("/pricing").status_code == 200
