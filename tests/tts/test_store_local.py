"""The store in files: capacity, and disks that are full. On SQLite the database's own disk, too."""

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.core.files.base import ContentFile
from django.db import connection

from accounts.models import Account, IdempotencyRecord
from billing.models import Balance, LedgerEntry
from billing.selectors import find_ledger_mismatches, get_balance
from speech.audio.formats import Encoding
from speech.audio_bound import Extent, measure_extent
from tests.conftest import ApiClient
from tests.support.envelopes import data_of, error_of
from tests.support.small_disk import fill, small_disk
from tts.errors import CapacityReached, StoreUnavailable
from tts.models import Job
from tts.services import lifecycle
from tts.storage import store
from tts.storage.local import LocalAudioStorage
from tts.worker import pipeline

pytestmark = pytest.mark.usefixtures("db")

SPEECH = {"text": "There is not much room.", "voice_id": "espeak:en-US-eSpeak-Annie"}
COST = 23_000
CREDITS = 100_000_000


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def submit(api: ApiClient, **headers: str) -> Any:
    return api.post("/api/v1/tts", SPEECH, headers=headers)


def run_all() -> int:
    attempts = 0
    while (job := lifecycle.claim_next_job(queue="speech.espeak")) is not None:
        pipeline.run_job(job)
        attempts += 1
    return attempts


def assert_failed_and_refunded(api: ApiClient, account: Account, job_id: str) -> None:
    data = api.get(f"/api/v1/tts/{job_id}").json()["data"]
    assert (data["status"], data["refunded"]) == ("failed", True)
    assert data["error"]["message"] == "The audio could not be stored. Try again later. Your credits were refunded."
    assert api.get(f"/api/v1/tts/{job_id}/audio").json()["error"]["code"] == "AUDIO_NOT_AVAILABLE"
    assert get_balance(account).available_microcredits == CREDITS
    assert find_ledger_mismatches()[1] == []


# --- capacity ------------------------------------------------------------------------------------


@pytest.fixture
def free_bytes(settings, monkeypatch: pytest.MonkeyPatch) -> dict[Path, int]:
    """What each disk has left, by the folder it begins at; others have plenty."""
    left: dict[Path, int] = {}

    def disk_usage(path: Path) -> Usage:
        found = [free for folder, free in left.items() if Path(path).is_relative_to(folder)]
        free = found[0] if found else 10**12
        return Usage(10**12, 10**12 - free, free)

    monkeypatch.setattr(shutil, "disk_usage", disk_usage)
    return left


@pytest.mark.parametrize("disk", ["spool", "audio"])
def test_near_the_end_of_either_disk_nothing_is_taken_and_nothing_charged(
    api, voices, account, free_bytes, settings, tmp_path: Path, disk: str
):
    (tmp_path / disk).mkdir()
    free_bytes[tmp_path / disk] = 500 * 1024 * 1024 - 1

    answer = submit(api, **{"Idempotency-Key": "once"})

    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "300"
    error = answer.json()["error"]
    assert error["code"] == "CAPACITY"
    assert error["message"] == (
        "The audio storage is nearly full, so new speech is not accepted. Nothing was charged. Try again later."
    )
    assert not Job.objects.exists()
    assert not IdempotencyRecord.objects.exists()
    assert list(LedgerEntry.objects.values_list("kind", flat=True)) == ["grant"]
    assert get_balance(account).available_microcredits == CREDITS

    free_bytes[tmp_path / disk] = 500 * 1024 * 1024

    again = submit(api, **{"Idempotency-Key": "once"})
    assert again.status_code == 202
    assert "Idempotent-Replayed" not in again.headers
    assert get_balance(account).available_microcredits == CREDITS - COST


def test_what_was_taken_before_is_replayed_and_served_when_there_is_no_room(
    committed_db, api, voices, free_bytes, tmp_path: Path
):
    first = submit(api, **{"Idempotency-Key": "once"})
    assert run_all() == 1
    free_bytes[tmp_path] = 0

    again = submit(api, **{"Idempotency-Key": "once"})

    assert (again.status_code, again.content) == (202, first.content)
    assert api.get(f"{first.headers['Location']}/audio").status_code == 307


def test_a_mistake_in_the_request_is_told_before_the_lack_of_room(api, voices, free_bytes, tmp_path: Path):
    free_bytes[tmp_path] = 0

    answer = api.post("/api/v1/tts", SPEECH | {"voice_id": "espeak:xx-XX-eSpeak-Nobody"})

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "INVALID_VOICE")


def test_the_limit_is_an_operators_to_set(free_bytes, settings, tmp_path: Path):
    settings.MIN_FREE_BYTES = 1000
    free_bytes[tmp_path] = 1000
    store.check_capacity()

    free_bytes[tmp_path] = 999
    with pytest.raises(CapacityReached):
        store.check_capacity()


def test_what_a_job_is_expected_to_need_must_fit_beside_what_others_need(
    api, voices, account, free_bytes, tmp_path: Path
):
    """90,000 characters: 7,500 seconds of 44,100 bytes, in the spool and in the store, and what is kept as FLAC."""
    reserve, long_job = 500 * 1024 * 1024, 7_500 * (2 * 44_100 + 30_000)
    before = get_balance(account).available_microcredits
    free_bytes[tmp_path] = reserve + long_job - 1024 * 1024
    refusal = api.post("/api/v1/tts", SPEECH | {"text": "a" * 90_000, "output_format": "wav"})
    assert error_of(refusal, 503, "CAPACITY")["message"].startswith("The audio storage is nearly full")
    assert not Job.objects.exists()
    assert get_balance(account).available_microcredits == before

    free_bytes[tmp_path] = reserve + long_job
    data_of(api.post("/api/v1/tts", SPEECH | {"text": "a" * 90_000, "output_format": "wav"}), 202)
    job = Job.objects.get()
    assert job.expected_bytes == long_job
    # The needs of accepted jobs count at once, in any process: the same job would not fit again.
    for _ in range(2):
        data_of(api.post("/api/v1/tts", SPEECH | {"text": "Hi."}), 202)
        more = api.post("/api/v1/tts", SPEECH | {"text": "a" * 480, "output_format": "wav"})
        error_of(more, 503, "CAPACITY")
        store._spoken_for = (float("-inf"), 0)
    Job.objects.update(status="failed")
    store._spoken_for = (float("-inf"), 0)
    data_of(api.post("/api/v1/tts", SPEECH | {"text": "a" * 480, "output_format": "wav"}), 202)


def test_what_an_account_cannot_pay_takes_no_room_from_others(api, voices, account, free_bytes, tmp_path: Path):
    """Otherwise an account without credits could use up the capacity of all others."""
    free_bytes[tmp_path] = 1100 * 1024 * 1024
    Balance.objects.filter(account=account).update(available_microcredits=100_000)
    for _ in range(5):
        refusal = api.post("/api/v1/tts", SPEECH | {"text": "a" * 30_000, "output_format": "wav"})
        error_of(refusal, 402, "INSUFFICIENT_CREDITS")
    data_of(api.post("/api/v1/tts", SPEECH | {"text": "Hi."}), 202)


@pytest.mark.parametrize(
    ("text", "speed", "encoding", "size_bytes"),
    [
        ("a" * 1200, 1.0, ("wav", 24_000, None, 1), 100 * 126_000),
        ("a" * 1200, 2.0, ("wav", 24_000, None, 1), 50 * 126_000),
        ("a" * 1200, 1.0, ("mp3", 24_000, 128, 1), 100 * 62_000),
        ("a" * 1200, 1.0, ("ogg_opus", 48_000, 64, 1), 100 * (2 * 9_400 + 30_000)),
        ("a" * 1200, 1.0, ("pcm", 24_000, None, 1), 100 * 126_000),
        ("今" * 400, 1.0, ("mp3", 24_000, 32, 1), 100 * 38_000),
    ],
)
def test_the_bytes_expected_follow_from_characters_speed_format_and_bitrate(
    text: str, speed: float, encoding: tuple[Any, ...], size_bytes: int
):
    extent = measure_extent(text, text_format="text")
    assert store.expected_bytes(text=text, extent=extent, speed=speed, encoding=Encoding(*encoding)) == size_bytes


@pytest.mark.parametrize(
    ("text", "text_format", "seconds"),
    [
        ("777777.\n" * 100, "text", 412),  # as eSpeak says it
        ("A line.\n\n" * 100, "text", 90),
        ("a a a a a a a <break time='10s'/>" * 30, "ssml", 300),
    ],
)
def test_digits_and_pauses_are_expected_to_last_longer_than_their_bytes(text: str, text_format: str, seconds: float):
    """Otherwise such texts would fill the disk."""
    extent, wav = measure_extent(text, text_format=text_format), Encoding("wav", 24_000, None, 1)
    expected = store.expected_bytes(text=text, extent=extent, speed=1.0, encoding=wav)
    assert 0.6 * seconds < expected / 126_000 < 1.4 * seconds


def test_a_job_of_pauses_is_expected_to_last_as_long(api):
    ssml = "a a a a a a a " * 9 + "<break time='10s'/>" * 15
    data = data_of(api.post("/api/v1/tts", SPEECH | {"text": ssml, "format": "ssml", "output_format": "wav"}), 202)
    assert Job.objects.get(pk=data["job_id"]).expected_bytes > 150 * (2 * 44_100 + 30_000)


def test_a_stream_over_redis_is_expected_to_be_there_in_parts_as_well(settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    wav = Encoding("wav", 24_000, None, 1)
    for is_streamed, copies in ((False, 2), (True, 3)):
        size_bytes = store.expected_bytes(
            text="x" * 1200, extent=Extent(150, 0), speed=1.0, encoding=wav, is_streamed=is_streamed
        )
        assert size_bytes == 100 * (copies * 48_000 + 30_000)
    settings.REDIS_URL = ""
    size_bytes = store.expected_bytes(text="x" * 1200, extent=Extent(150, 0), speed=1.0, encoding=wav, is_streamed=True)
    assert size_bytes == 100 * 126_000


def test_a_bucket_has_no_end_but_a_spool_beside_the_web_has(free_bytes, settings, tmp_path: Path):
    settings.STORAGES = settings.STORAGES | {
        "audio": {"BACKEND": "tts.storage.s3.S3AudioStorage", "OPTIONS": {"bucket_name": "speech"}}
    }
    free_bytes[tmp_path] = 0
    store.check_capacity()  # no worker has ever run here

    settings.SPOOL_DIR.mkdir()
    with pytest.raises(CapacityReached):
        store.check_capacity()


def test_a_real_small_disk_is_seen_as_full(api, voices, account, settings, tmp_path: Path):
    with small_disk(tmp_path / "disk") as disk:
        settings.SPOOL_DIR = disk / "spool"

        assert submit(api).json()["error"]["code"] == "CAPACITY"
        assert get_balance(account).available_microcredits == CREDITS


# --- full disks ----------------------------------------------------------------------------------


@pytest.fixture
def disk(tmp_path: Path, settings) -> Iterator[Path]:
    settings.MIN_FREE_BYTES = 0
    with small_disk(tmp_path / "disk") as disk:
        yield disk


def use_audio_folder(settings, folder: Path) -> None:
    settings.STORAGES = settings.STORAGES | {
        "audio": {"BACKEND": "tts.storage.local.LocalAudioStorage", "OPTIONS": {"location": folder}}
    }


def test_a_store_without_room_serves_nothing_truncated_and_refunds(
    committed_db, api, voices, account, settings, disk: Path
):
    use_audio_folder(settings, disk)
    filler = fill(disk, leave_bytes=16 * 1024)  # some of the audio fits, not all of it
    job_id = submit(api).json()["data"]["job_id"]

    assert run_all() == 3

    assert_failed_and_refunded(api, account, job_id)
    assert [path for path in disk.rglob("*") if path.is_file()] == [filler]
    assert list(settings.SPOOL_DIR.iterdir()) == []

    filler.unlink()
    after = submit(api).json()["data"]["job_id"]
    assert run_all() == 1
    assert api.get(f"/api/v1/tts/{after}").json()["data"]["status"] == "completed"


def test_a_spool_without_room_refunds_and_leaves_nothing(committed_db, api, voices, account, settings, disk: Path):
    settings.SPOOL_DIR = disk / "spool"
    settings.SPOOL_DIR.mkdir()
    filler = fill(disk, leave_bytes=16 * 1024)
    job_id = submit(api).json()["data"]["job_id"]

    assert run_all() == 3

    assert_failed_and_refunded(api, account, job_id)
    assert [path for path in disk.rglob("*") if path.is_file()] == [filler]


def test_a_save_that_breaks_off_leaves_the_old_file_and_nothing_else(tmp_path: Path):
    """In a process of its own, whose files may not pass 64 KiB: the kernel refuses the rest with EFBIG."""
    program = """
import signal, resource, sys
import django; django.setup()
from django.core.files.base import ContentFile
from tts.storage.local import LocalAudioStorage
storage = LocalAudioStorage(location=sys.argv[1])
storage.save("aa/a-1.wav", ContentFile(b"old"))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
try:
    storage.save("aa/a-1.wav", ContentFile(bytes(200_000)))
except OSError as error:
    print(error.errno)
"""
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings"}
    ran = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], env=environment, capture_output=True, text=True, timeout=60
    )

    assert ran.stdout.strip() == str(errno.EFBIG), ran.stderr
    assert [path.name for path in (tmp_path / "aa").iterdir()] == ["a-1.wav"]
    assert (tmp_path / "aa" / "a-1.wav").read_bytes() == b"old"


def test_a_save_replaces_what_an_earlier_try_of_the_same_attempt_left(tmp_path: Path):
    storage = LocalAudioStorage(location=tmp_path)

    assert storage.save("aa/a-1.wav", ContentFile(b"first")) == "aa/a-1.wav"
    assert storage.save("aa/a-1.wav", ContentFile(b"second")) == "aa/a-1.wav"

    assert (tmp_path / "aa" / "a-1.wav").read_bytes() == b"second"


def test_deleting_removes_what_a_killed_save_left_half_done(tmp_path: Path):
    storage = LocalAudioStorage(location=tmp_path)
    (tmp_path / "aa").mkdir()
    (tmp_path / "aa" / "a-1.wav.part").write_bytes(b"half a")

    storage.delete("aa/a-1.wav")

    assert list((tmp_path / "aa").iterdir()) == []


def test_a_full_disk_is_told_as_an_unavailable_store(disk: Path, settings, tmp_path: Path):
    use_audio_folder(settings, disk)
    fill(disk)
    path = tmp_path / "audio.wav"
    path.write_bytes(bytes(10_000))

    with pytest.raises(StoreUnavailable) as refusal:
        store.save_audio("aa/a-1.wav", path)

    assert isinstance(refusal.value.__cause__, OSError)
    assert refusal.value.__cause__.errno == errno.ENOSPC


@pytest.mark.skipif(connection.vendor != "sqlite", reason="a PostgreSQL on a full disk is another program's affair")
def test_when_the_databases_disk_is_full_the_sweep_refunds_once_it_can_be_written(tmp_path: Path):
    """A whole installation whose DATA_DIR is a small disk, in processes of its own."""
    with small_disk(tmp_path / "disk", kibibytes=8192) as disk:
        out = run_full_disk_program(disk)

    assert out == [
        "submitted 202",
        "POST on the full disk 503 INTERNAL_ERROR",
        "GET on the full disk 503 INTERNAL_ERROR",
        "run_job OperationalError",
        "swept 1 1 1",
        "failed True",
        "balance 100000000",
        "mismatches 0",
        "entries ['grant', 'charge', 'refund']",
    ]


def run_full_disk_program(disk: Path) -> list[str]:
    environment = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
    environment |= {
        "DATA_DIR": str(disk),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "MIN_FREE_BYTES": "0",
        "JOB_LEASE_SECONDS": "1",
        "AUDIO_STORE_URL": "",
    }
    ran = subprocess.run(
        [sys.executable, "-m", "tests.support.full_disk_program"],
        env=environment, capture_output=True, text=True, timeout=110,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()
