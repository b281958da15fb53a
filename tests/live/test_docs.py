"""The programs of the documentation, taken from its pages and run as a reader would run them."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from portal.docs.pages import SLUGS, source
from tests.live.service import Caller, Service
from tests.support.audio import measure_audio
from webhooks.signing import signature_headers

RUN = {"sh": ["sh", "-e"], "python": [sys.executable], "js": ["node"]}
NEED = {"sh": "curl", "python": sys.executable, "js": "node"}
SUFFIX = {"sh": ".sh", "python": ".py", "js": ".mjs"}
PROGRAMS = {
    f"{slug}-{place}-{token.info}": (slug, token.info, token.content)
    for slug in SLUGS
    for place, token in enumerate(MarkdownIt().parse(source(slug)))
    if token.type == "fence" and token.info in RUN
}
SPEAKS = {"quickstart", "speech", "streaming", "openai"}
CHECKS_SIGNATURES = "webhooks"
SAYS = {
    "authentication": "available",
    "credits": '"credits_charged":"0.017"',
    "idempotency": '"success":true',
    "voices": "espeak:en-",
}


def run(program: str, folder: Path, *, body: bytes = b"", **environment: str) -> "subprocess.CompletedProcess[bytes]":
    _slug, language, text = PROGRAMS[program]
    if shutil.which(NEED[language]) is None:
        pytest.skip(f"{NEED[language]} is not installed")
    file = folder / f"program{SUFFIX[language]}"
    file.write_text(text)
    return subprocess.run(
        [*RUN[language], str(file)],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder)} | environment,
        input=body,
        capture_output=True,
        timeout=60,
    )


@pytest.fixture(params=[name for name, (slug, *_) in PROGRAMS.items() if slug != CHECKS_SIGNATURES])
def ran(
    request: pytest.FixtureRequest, service: Service, caller: Caller, tmp_path: Path
) -> "tuple[str, subprocess.CompletedProcess[bytes]]":
    done = run(request.param, tmp_path, UTTERANCE_URL=service.url, UTTERANCE_KEY=caller.key)
    assert done.returncode == 0, done.stderr.decode()
    return PROGRAMS[request.param][0], done


def test_a_program_does_what_its_page_says(ran: "tuple[str, subprocess.CompletedProcess[bytes]]", tmp_path: Path):
    slug, done = ran
    files = [file for file in tmp_path.iterdir() if file.suffix in {".wav", ".mp3", ".ogg"}]
    assert len(files) == (1 if slug in SPEAKS else 0)
    for file in files:
        audio = measure_audio(file)
        assert 0.5 < audio.duration_seconds < 5
        assert -40 < audio.rms_dbfs < -6
        assert audio.longest_silence_seconds < 0.5
    output = done.stdout.decode()
    assert SAYS.get(slug, "") in output
    if slug == "idempotency":
        half = len(output) // 2
        assert output[:half] == output[half:]


@pytest.mark.parametrize("program", [name for name, (slug, *_) in PROGRAMS.items() if slug == CHECKS_SIGNATURES])
def test_a_program_that_checks_signatures_takes_what_is_ours_and_nothing_else(program: str, tmp_path: Path):
    body, secret = b'{"event":"job.completed"}', "whsec-of-nobody"
    headers = signature_headers(
        secrets=["an older one", secret], delivery_id="1", timestamp=int(time.time()), body=body
    )
    signature = headers["X-TTS-Signature"]
    old = signature_headers(secrets=[secret], delivery_id="1", timestamp=int(time.time()) - 301, body=body)
    for sent, given, is_ours in (
        (body, signature, True),
        (body + b" ", signature, False),
        (body, old["X-TTS-Signature"], False),
        (body, signature[:-1] + ("0" if signature[-1] != "0" else "1"), False),
    ):
        done = run(program, tmp_path, body=sent, SIGNATURE=given, WEBHOOK_SECRET=secret)
        assert (done.returncode, done.stderr) == (0 if is_ours else 1, b"")


def test_pages_with_programs_have_them_in_three_languages():
    for slug in ("quickstart", "authentication", "streaming", "voices"):
        assert {language for page, language, _ in PROGRAMS.values() if page == slug} == set(RUN)
