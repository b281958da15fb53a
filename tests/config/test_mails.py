"""Every mail, as text and as HTML: what all of them owe to whoever reads them, in whatever program."""

import html
import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core import mail

from tests.factories import PASSWORD
from tests.support.mails import MAILS, SECRET_PATH

pytestmark = pytest.mark.django_db

TEMPLATES = Path(django_settings.BASE_DIR) / "templates"
ALICE = "alice@acme.example"
NAME = "Müller & <b>Söhne</b>"
SITE = "https://speech.example"


@pytest.fixture(autouse=True)
def another_site(settings) -> None:
    """Requests come to 127.0.0.1."""
    settings.PUBLIC_URL = SITE
    settings.DEFAULT_FROM_EMAIL = "Utterance <noreply@speech.example>"


def send(template: str, name: str = NAME) -> tuple[Any, str, str]:
    """The one mail that came of it, its text and its HTML."""
    MAILS[template].send(ALICE, name)
    [message] = mail.outbox
    assert isinstance(message, mail.EmailMultiAlternatives)
    [(page, kind)] = message.alternatives
    assert kind == "text/html"
    return message, str(message.body), str(page)


def test_no_template_of_a_mail_is_missing_here():
    found = {str(path.relative_to(TEMPLATES).with_suffix("")) for path in TEMPLATES.glob("*/email/*.html")}
    assert found == set(MAILS)
    assert all((TEMPLATES / f"{name}.txt").exists() for name in MAILS)


@pytest.mark.parametrize("template", MAILS)
def test_its_head_says_from_whom_and_what(template: str, settings):
    settings.REPLY_TO_EMAIL = "help@speech.example"
    message, _, page = send(template)
    assert (message.to, message.cc, message.bcc) == ([ALICE], [], [])
    assert message.from_email == "Utterance <noreply@speech.example>"
    assert message.reply_to == ["help@speech.example"]
    assert message.extra_headers == {"Auto-Submitted": "auto-generated"}
    assert message.subject == MAILS[template].subject.format(name=NAME)
    assert f"<title>{html.escape(message.subject)}</title>" in page


def test_without_an_address_for_answers_they_go_to_whom_it_came_from():
    message, _, _ = send("account/email/unknown_account_message")
    assert message.reply_to == []
    assert "Reply-To" not in message.message()


@pytest.mark.parametrize("template", MAILS)
def test_text_and_html_hold_the_same_links_and_all_lead_here(template: str):
    _, text, page = send(template)
    in_text = {link.rstrip(".") for link in re.findall(r"https?://\S+", text)}
    assert in_text == {html.unescape(link) for link in re.findall(r'href="([^"]*)"', page)}
    assert len(in_text) == len(MAILS[template].links)
    for link, beginning in zip(sorted(in_text), MAILS[template].links, strict=True):
        assert link.startswith(SITE + beginning)
        assert beginning.endswith("/") == (link != SITE + beginning)


@pytest.mark.parametrize("template", MAILS)
def test_it_names_the_product_and_the_site_and_says_why_it_came(template: str):
    _, text, page = send(template)
    assert "<b>Utterance</b>" in page
    for part in (text, page):
        assert "speech.example" in part
        assert re.search(r"You (received this email|get this) because ", part)


@pytest.mark.parametrize("template", MAILS)
def test_it_loads_nothing_and_runs_nothing(template: str):
    _, _, page = send(template)
    assert not re.search(r"<(img|link|script|iframe|form|svg|video|object)\b|src=|url\(|@import|\son\w+=", page)


@pytest.mark.parametrize("template", MAILS)
def test_names_stand_as_they_are_in_the_text_and_escaped_in_the_html(template: str):
    _, text, page = send(template)
    assert not re.search(r"&(amp|lt|gt|quot|#)", text)
    assert "{{" not in text + page
    assert "<b>Söhne" not in page
    if NAME in text:
        assert html.escape(NAME) in page


@pytest.mark.parametrize("template", MAILS)
def test_no_secret_is_in_it_but_its_link(template: str):
    _, text, page = send(template)
    for secret in (PASSWORD, SECRET_PATH, django_settings.SECRET_KEY):
        assert secret not in text + page


@pytest.mark.parametrize("template", MAILS)
def test_its_subject_is_one_short_line_whatever_the_account_is_called(template: str):
    has_break = "email_confirmation" not in template and "already_exists" not in template  # the sign-up form refuses it
    message, _, _ = send(template, "A very long name" + ("\u2028" if has_break else " ") + "with a break" + "x" * 80)
    assert len(message.subject) <= 78
    assert len(message.subject.splitlines()) == 1
    message.message()  # which refuses a header of two lines
