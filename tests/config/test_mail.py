"""EMAIL_URL, mails as files, and the warning about a production that sends none."""

import logging
import stat
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMultiAlternatives, get_connection

from accounts.checks import mails_reach_people
from config.mail import SmtpServer, parse_email_url


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail.example", SmtpServer("mail.example", 25)),
        ("smtp://u:p@mail.example:587/?tls=1", SmtpServer("mail.example", 587, "u", "p", use_tls=True)),
        ("smtp://mail.example?tls=1", SmtpServer("mail.example", 587, use_tls=True)),
        ("smtp://mail.example:2525/?tls=0", SmtpServer("mail.example", 2525)),
        ("smtps://me%40x.example:a%2Fb%3A@[::1]", SmtpServer("::1", 465, "me@x.example", "a/b:", use_ssl=True)),
    ],
)
def test_an_email_url_names_a_server(url: str, expected: SmtpServer):
    assert parse_email_url(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "mail.example",
        "http://u:secret@mail.example",
        "smtp://u:secret@",
        "smtp://u:secret@mail.example:port",
        "smtp://u:secret@mail.example/?tsl=1",
        "smtp://u:secret@mail.example/?tls=yes",
        "smtp://u:secret@mail.example/?tls",
        "smtps://u:secret@mail.example/?tls=1",
    ],
)
def test_a_wrong_email_url_is_refused_without_telling_its_password(url: str):
    with pytest.raises(ImproperlyConfigured, match="EMAIL_URL") as refusal:
        parse_email_url(url)
    assert "secret" not in str(refusal.value)


def test_a_mail_becomes_a_file_that_the_log_names_without_saying_who_got_it(settings, tmp_path: Path, caplog):
    settings.EMAIL_FILE_PATH = tmp_path / "mail"
    message = EmailMultiAlternatives("Hello", "http://127.0.0.1:8000/confirm-email/key", to=["alice@acme.example"])
    message.attach_alternative("<p>Hello</p>", "text/html")
    with caplog.at_level(logging.INFO):
        get_connection("config.mail.FileBackend").send_messages([message])
    (file,) = (tmp_path / "mail").iterdir()
    assert "http://127.0.0.1:8000/confirm-email/key\n" in file.read_text()
    assert f"email written to a file: Hello, in {file}" in caplog.text
    assert "alice" not in caplog.text
    assert stat.S_IMODE((tmp_path / "mail").stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("is_one_machine", "email_url", "warnings"),
    [(True, "", []), (True, "smtp://x", []), (False, "smtp://x", []), (False, "", ["accounts.W001"])],
)
def test_a_production_without_mail_is_warned_of(settings, is_one_machine, email_url, warnings):
    settings.IS_ONE_MACHINE, settings.EMAIL_URL = is_one_machine, email_url
    assert [warning.id for warning in mails_reach_people(None)] == warnings
