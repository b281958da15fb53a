"""Reading mails as people and programs do."""

import re
from typing import Any


def path_in(mail: Any, beginning: str) -> str:
    """The path of the one link in a mail that begins so; the same in text and HTML."""
    (in_text,) = set(re.findall(rf"http://127\.0\.0\.1:8000({re.escape(beginning)}\S+)", mail.body))
    ((html, kind),) = mail.alternatives
    assert kind == "text/html"
    (in_html,) = re.findall(rf'href="http://127\.0\.0\.1:8000({re.escape(beginning)}[^"]+)"', html)
    assert in_text == in_html
    return str(in_text)
