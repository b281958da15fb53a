"""Half a megabyte of the worst text stops nobody: no function holds the interpreter, no other job waits.

The whole product of functions and texts is `python -m tests.attacks.hostile_text`; here is what shows each kind.
"""

import gc
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from speech.sentences import split_text
from tests.attacks import hostile_text as hostile
from tests.attacks import road
from tests.attacks.gil import longest_hold_seconds
from tests.conftest import ApiClient
from tests.factories import make_account
from tests.support.workers import celery_worker, own_queue, submit, wait_for_status  # noqa: F401
from tts.models import Job
from tts.services.lifecycle import cancel_or_erase_job

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:cn2an")  # of numbers beyond 16 digits

FIRST_STEPS = 12  # of what yields: after that it only repeats itself
# For what goes through the text in Python: it takes a while, and as long for any text.
FEW = (
    "alternating combining marks", "one long word", "digits", "dots", "line feeds", "spaces", "zero-width joiners",
    "unclosed quotations", "a family of emoji", "dialogue", "entities", "one of everything",
    "SSML: nested to the limit", "SSML: many attributes", "SSML: one element of attributes", "SSML: many breaks",
    "SSML: a long comment", "SSML: quotes, nested",
)  # fmt: skip
ALL_OF = ("speech.sentences.split_text", "speech.engines.kokoro.chunks.split", "speech.ssml.reader.check_ssml")


@pytest.fixture(scope="module", autouse=True)
def settled() -> Iterator[None]:
    """As in the processes of the service: dictionaries are loaded, and what start-up made is not collected again."""
    for language in road.KOKORO_LANGUAGES:
        road.READERS.phonemes("Hello 123. 今日", language)
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
    road.close()


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    return dict(hostile.unit_texts())


@pytest.fixture(scope="module")
def documents() -> dict[str, str]:
    return dict(hostile.ssml_texts())


def too_long(work: Any, inputs: dict[str, Any]) -> dict[str, str]:
    """The inputs on which `work` held the interpreter for longer than it may, with how long."""
    held = {name: hostile.hold_seconds(work, text, most=FIRST_STEPS) for name, text in inputs.items()}
    return {name: f"{1000 * seconds:.0f} ms" for name, seconds in held.items() if seconds > hostile.LIMIT_SECONDS}


def chosen(function: str, inputs: dict[str, str]) -> dict[str, str]:
    return inputs if function in ALL_OF else {name: text for name, text in inputs.items() if name in FEW}


@pytest.mark.parametrize("function", road.TEXT)
def test_no_text_makes_a_function_hold_the_interpreter(function: str, texts: dict[str, str]):
    assert too_long(road.TEXT[function], chosen(function, texts)) == {}


@pytest.mark.parametrize("function", road.SSML)
def test_no_ssml_makes_a_function_hold_the_interpreter(function: str, documents: dict[str, str]):
    assert too_long(road.SSML[function], chosen(function, documents)) == {}


def test_no_body_makes_the_reader_of_requests_hold_the_interpreter():
    assert too_long(road.BODIES["config.api.parse_json_object"], dict(hostile.body_texts())) == {}


def test_no_kind_of_character_makes_the_splitter_hold_the_interpreter():
    inputs = dict(hostile.category_texts()) | dict(hostile.paired_mark_texts())
    assert too_long(road.TEXT["speech.sentences.split_text"], inputs) == {}


def test_a_whole_text_of_quotation_marks_takes_a_moment():
    started = time.thread_time()
    assert sum(len(piece) for piece in split_text("«" * 250_000, "en-US")) == 250_000
    assert time.thread_time() - started < 5  # 71 s when the splitter saw it whole


def test_every_function_that_takes_a_text_is_in_the_table():
    assert road.on_the_road() - road.listed() == set()
    assert {name for name in road.ELSEWHERE if name.startswith("tts.")} <= road.on_the_road()


def test_the_measure_sees_a_call_that_does_not_let_go():
    number = 7**60_000  # to write it takes the square of its length

    def write() -> None:
        int.__format__(number, "x")
        sorted(range(3_000_000), key=(-1).__add__)

    assert longest_hold_seconds(write, limit_seconds=0.0) > hostile.LIMIT_SECONDS


@pytest.mark.parametrize("name", ["unclosed quotations", "SSML: many attributes", "SSML: nested again and again"])
def test_a_long_request_is_taken_or_refused_without_holding_the_interpreter(
    api: ApiClient, voices: Any, texts: dict[str, str], documents: dict[str, str], name: str
):
    text = (texts | documents)[name]
    body = {"text": text, "voice_id": "espeak:en-US-eSpeak-Annie", "format": "ssml" if "SSML" in name else "text"}

    def post() -> None:
        assert api.post("/api/v1/tts", body).status_code in {202, 402}

    assert longest_hold_seconds(post, limit_seconds=hostile.LIMIT_SECONDS) <= hostile.LIMIT_SECONDS


# --- a worker ------------------------------------------------------------------------------------


@pytest.mark.usefixtures("committed_db", "own_queue")
def test_anothers_short_job_does_not_wait_for_a_text_of_quotation_marks(tmp_path: Path):
    attacker, other = make_account("Attacker", credits=100_000), make_account("Other")
    with celery_worker(tmp_path, concurrency=3, WORKER_CONCURRENCY="2"):
        wait_for_status(submit(other), "completed")  # the worker is there, and its engine warm
        alone = min(seconds_to_complete(other) for _ in range(3))
        attack = submit(attacker, "Go " + "«" * 249_000)
        wait_for_status(attack, "processing")
        beside = seconds_to_complete(other)
        attack.refresh_from_db()
        assert attack.status == "processing", "the attack was over before the other job came"
        cancelled_at = time.monotonic()
        cancel_or_erase_job(account=attacker, job_id=attack.pk)
        after = seconds_to_complete(other)
        assert time.monotonic() - cancelled_at < 5
    assert beside < alone + 1
    assert after < alone + 1


def seconds_to_complete(account: Any) -> float:
    job = submit(account)
    job = wait_for_status(job, "completed")
    assert job.finished_at is not None
    return float((job.finished_at - Job.objects.get(pk=job.pk).created_at).total_seconds())
