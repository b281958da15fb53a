"""The programs of README.md and of the documentation, run as a reader would run them."""

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import httpx
import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from portal.code_samples import code_samples
from portal.docs.pages import EXAMPLE_VOICE_ID, SLUGS, source
from tests.live.service import Caller, Service
from tests.run import ROOT
from tests.support.audio import measure_audio


def fences(markdown: str) -> list[Token]:
    return [token for token in MarkdownIt().parse(markdown) if token.type == "fence"]


RUN = {"sh": ["sh", "-e"], "python": [sys.executable], "js": ["node"]}
NEED = {"sh": "curl", "python": sys.executable, "js": "node"}
SUFFIX = {"sh": ".sh", "python": ".py", "js": ".mjs"}
RECEIVERS = "webhooks"  # run by tests/webhooks/test_documented_receivers.py
PAGES = {slug: source(slug) for slug in SLUGS} | {"README": (ROOT / "README.md").read_text()}
CODE = [(page, token.info, token.content) for page, text in PAGES.items() for token in fences(text)]
PROGRAMS = {
    f"{page}-{place}-{language}": (page, language, text)
    for place, (page, language, text) in enumerate(CODE)
    if language in RUN and page != RECEIVERS and not text.startswith("export ")
}
SPEAKS = {"README", "quickstart", "speech", "streaming", "openai"}
NEED_NO_KEY = {"voices"}
SAYS = {
    "authentication": "available",
    "credits": '"chars_charged":17',
    "idempotency": '"success":true',
    "voices": "espeak:en-",
}


def run(program: str, service: Service, folder: Path, key: str) -> "subprocess.CompletedProcess[bytes]":
    """As it stands in the file; where Kokoro is not installed with the voice that its page names there."""
    _slug, language, text = PROGRAMS[program]
    text = text.replace(EXAMPLE_VOICE_ID, best_voice_id(service))
    return run_text(language, text, folder, UTTERANCE_URL=service.url, UTTERANCE_KEY=key)


@cache
def best_voice_id(service: Service) -> str:
    voices = httpx.get(f"{service.url}/api/v1/voices?language=en").json()["data"]["voices"]
    return str(voices[0]["voice_id"])


def run_text(language: str, text: str, folder: Path, **environment: str) -> "subprocess.CompletedProcess[bytes]":
    if shutil.which(NEED[language]) is None:
        pytest.skip(f"{NEED[language]} is not installed")
    file = folder / f"program{SUFFIX[language]}"
    file.write_text(text)
    return subprocess.run(
        [*RUN[language], str(file)],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder)} | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
    )


@pytest.fixture(params=PROGRAMS)
def ran(
    request: pytest.FixtureRequest, service: Service, caller: Caller, tmp_path: Path
) -> "tuple[str, subprocess.CompletedProcess[bytes]]":
    done = run(request.param, service, tmp_path, caller.key)
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


@pytest.mark.parametrize("program", [name for name, (page, *_) in PROGRAMS.items() if page not in NEED_NO_KEY])
def test_a_program_that_is_refused_says_so(service: Service, program: str, tmp_path: Path):
    done = run(program, service, tmp_path, "tts_wrong")
    assert done.returncode != 0
    assert [file.name for file in tmp_path.glob("*.wav")] == []
    if PROGRAMS[program][1] == "sh":
        assert done.returncode == 22
        assert b"curl: (22)" in done.stderr


def test_pages_with_programs_have_them_in_three_languages():
    for slug in ("quickstart", "authentication", "streaming", "voices"):
        assert {language for page, language, _ in PROGRAMS.values() if page == slug} == set(RUN)


@pytest.mark.parametrize("is_streamed", [True, False], ids=["stream", "job"])
@pytest.mark.parametrize("language, key", [("sh", "curl"), ("python", "python"), ("js", "node")])
def test_the_programs_of_the_playground_save_the_audio(
    service: Service, caller: Caller, tmp_path: Path, language: str, key: str, is_streamed: bool
):
    body = {"text": 'It\'s my "turn" (now).', "voice_id": "espeak:en-GB-eSpeak-Lee", "output_format": "mp3"}
    program = code_samples(body, base_url=service.url, is_streamed=is_streamed)[key]
    done = run_text(language, program, tmp_path, UTTERANCE_KEY=caller.key)
    assert done.returncode == 0, done.stderr.decode()
    assert 0.5 < measure_audio(tmp_path / "speech.mp3").duration_seconds < 5
    refused = run_text(language, program, tmp_path, UTTERANCE_KEY="tts_wrong")
    assert refused.returncode != 0


def test_every_curl_command_fails_when_the_request_is_refused():
    commands = [line for _, _, text in CODE for line in text.splitlines() if "curl " in line]
    assert len(commands) >= 8
    assert [line for line in commands if "curl --fail-with-body " not in line] == []
