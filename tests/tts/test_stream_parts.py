"""A reader that falls behind the relay's buffer continues with parts from the store while the job still runs."""

import asyncio
import io
import random
import uuid
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from asgiref.sync import sync_to_async
from django.conf import settings
from django.utils import timezone

from accounts.models import Account
from tests.factories import make_job
from tests.support.audio import without_header
from tests.support.waiting import wait_for
from tests.support.workers import (
    QUEUE,
    Background,
    assert_charged_once,
    assert_failed_after_heard,
    audio_files,
    ledger_adds_up,  # noqa: F401
    own_queue,  # noqa: F401
    scripted_engine,  # noqa: F401
    spool_files,
)
from tests.tts.test_stream import Listener, job_of, needs_redis, path_of, stored, submit, the_engine  # noqa: F401
from tts.errors import StoreUnavailable, StreamBroken
from tts.models import Job, JobStatus, StreamPart
from tts.services import lifecycle
from tts.services.sweep import sweep
from tts.storage import store
from tts.storage.local import LocalAudioStorage
from tts.streaming import relay
from tts.streaming.job_stream import listen
from tts.streaming.relay import parts, redis_stream
from tts.streaming.relay.base import CharMarks, Relayed
from tts.tasks import speak_next

PART_BYTES, MARGIN_BYTES = 40_000, 10_000
PROSE = "This is a fine first sentence. This is another one. " * 4
GATED = f"{PROSE}GATE to wait for. The end is heard by nobody, if the job fails."


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART_BYTES", PART_BYTES)
    monkeypatch.setattr(parts, "MARGIN_BYTES", MARGIN_BYTES)
    monkeypatch.setattr(redis_stream, "WINDOW_BYTES", 60_000)  # more than both, and an entry
    monkeypatch.setattr(redis_stream, "ENTRY_BYTES", 2_000)


@pytest.fixture
def no_redis(settings: Any, small_parts: None) -> None:
    """Makes Redis unavailable, so that a reader gets everything from the store while the job runs."""
    settings.REDIS_URL = "redis://127.0.0.1:1/0"


def stream_files() -> list[str]:
    return [name for name in audio_files() if "-stream-" in name]


def stored_parts(job: Job) -> list[StreamPart]:
    return list(StreamPart.objects.filter(job=job, is_stored=True).order_by("begins"))


# --- while the job runs --------------------------------------------------------------------------


def test_a_reader_without_redis_hears_what_is_finished_while_the_job_runs(api, the_engine, no_redis):  # noqa: F811
    data = submit(api, GATED, output_format="wav")
    with Background(lambda: speak_next(QUEUE)):
        the_engine.reached.wait(10)
        listener = Listener(path_of(data))
        wait_for(lambda: len(stored_parts(job_of(data))) > 5, "parts to be stored")
        wait_for(lambda: len(listener.received) >= 5 * PART_BYTES, "them to be heard")
        assert job_of(data).status == "processing"
        assert len(listener.received) % PART_BYTES == 0
        spool = store.spool_path(job_of(data), 1).read_bytes()
        assert bytes(listener.received) == spool[: len(listener.received)]
        the_engine.gate.set()
    listener.join()
    assert listener.error is None
    assert bytes(listener.received[44:]) == stored(job_of(data))[44:]
    assert (stream_files(), StreamPart.objects.count()) == ([], 0)
    assert_charged_once(job_of(data))


@pytest.mark.parametrize("damage", ["cut", "empty", "longer", "a byte"])
def test_a_damaged_part_is_not_heard(api, the_engine, no_redis, damage: str):  # noqa: F811
    data = submit(api, GATED, output_format="wav")
    with Background(lambda: speak_next(QUEUE)):
        the_engine.reached.wait(10)
        wait_for(lambda: len(stored_parts(job_of(data))) > 5, "parts to be stored")
        path = Path(store.audio_storage().get_address(stored_parts(job_of(data))[1].key))
        content = path.read_bytes()
        changed = bytes([content[0] ^ 1]) + content[1:]
        path.write_bytes({"cut": content[:-7], "empty": b"", "longer": content * 2, "a byte": changed}[damage])
        listener = Listener(path_of(data))
        wait_for(lambda: len(listener.received) >= PART_BYTES, "the first part to be heard")
        the_engine.gate.set()
    listener.join()
    assert listener.error is None
    assert bytes(listener.received[44:]) == stored(job_of(data))[44:]
    assert_charged_once(job_of(data))


@needs_redis
@pytest.mark.parametrize("output_format", ["wav", "mp3", "ogg_opus"])
def test_a_reader_out_of_the_window_hears_everything_before_the_job_is_complete(
    api,
    the_engine,  # noqa: F811
    small_parts,
    monkeypatch,
    output_format: str,
):
    for name, value in (("PART_BYTES", 8_000), ("MARGIN_BYTES", 4_000)):
        monkeypatch.setattr(parts, name, value)
    monkeypatch.setattr(redis_stream, "WINDOW_BYTES", 16_000)
    data = submit(api, GATED, output_format=output_format)
    with Background(lambda: speak_next(QUEUE)):
        the_engine.reached.wait(10)
        listener = Listener(path_of(data))  # the beginning is out of the window already
        spool = store.spool_path(job_of(data), 1)
        wait_for(lambda: len(listener.received) > spool.stat().st_size - 4_000, "all that is there to be heard")
        assert job_of(data).status == "processing"
        assert len(stored_parts(job_of(data))) > 1
        the_engine.gate.set()
    listener.join()
    assert listener.error is None
    assert without_header(bytes(listener.received)) == without_header(stored(job_of(data)))
    assert (stream_files(), spool_files()) == ([], [])


# --- by turns from the store and from Redis -------------------------------------------------------


class Source:
    """A job that is streamed, as a worker has it, and the bytes that it makes when it is told to."""

    def __init__(self, account: Account) -> None:
        self.job = make_job(
            account, status=JobStatus.PROCESSING, attempt=1, stream_expires_at=timezone.now(), output_format="mp3",
            lease_expires_at=timezone.now() + timedelta(minutes=5),
        )  # fmt: skip
        settings.SPOOL_DIR.mkdir(parents=True, exist_ok=True)
        self.file = store.spool_path(self.job, 1).open("wb", buffering=0)
        self.writer = relay.writer_for(self.job)
        self.made = bytearray()

    def make(self, size_bytes: int) -> None:
        """Each thousand bytes stand for ten code points more."""
        for _ in range(size_bytes // 1000):
            encoded = random.randbytes(1000)
            self.writer.write(encoded, chars=len(self.made) // 100 + 10)
            self.file.write(encoded)
            self.made += encoded

    def end(self) -> None:
        self.writer.end()
        self.file.close()


@pytest.fixture
def source(account: Account, small_parts: None) -> Iterator[Source]:
    source = Source(account)
    yield source
    source.end()


@pytest.fixture
def came_from(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Where a reader's bytes came from, in turn."""
    seen: list[str] = []

    def watch(name: str, follow: Callable[..., AsyncGenerator[Any, None]]) -> Callable[..., AsyncGenerator[Any, None]]:
        async def watched(*arguments: Any, **options: Any) -> AsyncGenerator[Any, None]:
            async with aclosing(follow(*arguments, **options)) as items:
                async for item in items:
                    if item is not None and seen[-1:] != [name]:
                        seen.append(name)
                    yield item

        return watched

    monkeypatch.setattr(redis_stream, "follow", watch("redis", redis_stream.follow))
    monkeypatch.setattr(relay, "read_parts", watch("store", parts.read_parts))
    return seen


@needs_redis
def test_a_paced_reader_falls_out_of_the_window_again_and_again_and_misses_nothing(source: Source, came_from):
    """The worker makes five times as much as the reader takes, then waits for it, twelve times."""
    make, stored_count = sync_to_async(source.make), sync_to_async(StreamPart.objects.filter(is_stored=True).count)
    received = bytearray()

    async def read(until: Callable[[], bool], items: AsyncGenerator[Relayed | None, None]) -> None:
        async for item in items:
            if item is not None:
                assert item.ready_bytes >= len(received) + len(item.encoded)
                received.extend(item.encoded)
                # Never fewer characters than those bytes stand for.
                assert item.ready_chars >= (len(received) + 999) // 1000 * 10
                if until():
                    return

    async def run() -> None:
        await make(20_000)
        async with aclosing(relay.follow(source.job, attempt=1)) as items:
            for turn in range(12):
                await read(lambda: len(received) >= len(source.made) - 2_000, items)
                before = len(source.made)
                await make(5 * PART_BYTES)
                due = (len(source.made) - 1000 - MARGIN_BYTES) // PART_BYTES
                while await stored_count() < due:
                    await asyncio.sleep(0.01)
                assert len(received) <= before, turn
            await read(lambda: len(received) == len(source.made), items)

    asyncio.run(asyncio.wait_for(run(), 60))
    assert bytes(received) == bytes(source.made)
    assert came_from.count("store") >= 12
    assert came_from.count("redis") >= 12


@needs_redis
def test_short_streams_leave_nothing_in_the_store(source: Source):
    source.make(PART_BYTES + MARGIN_BYTES)
    source.end()
    assert not StreamPart.objects.exists()
    assert not source.writer.has_parts


@needs_redis
@pytest.mark.parametrize("from_byte", [0, 1, 999, 1000, 1001, 29_999, 30_000])
def test_a_reader_joins_at_any_byte(source: Source, from_byte: int):
    source.make(30_000)
    name = f"relay:{source.job.pk}:1"

    async def read() -> bytes:
        received = b""
        async with aclosing(redis_stream.follow(name, from_byte=from_byte)) as items:
            async for item in items:
                if item is None:
                    break
                received += item.encoded
        return received

    def joined() -> bool:
        return asyncio.run(read()) == bytes(source.made[from_byte:])

    wait_for(joined, "all to be in Redis")


@needs_redis
def test_nobody_joins_where_redis_has_nothing(source: Source):
    async def read(name: str, from_byte: int) -> list[Any]:
        return [item async for item in redis_stream.follow(name, from_byte=from_byte)]

    assert asyncio.run(read(f"relay:{uuid.uuid4()}:1", 5)) == []
    source.make(200_000)
    source.writer.end()
    assert asyncio.run(read(f"relay:{source.job.pk}:1", 50_000)) == []  # out of the window
    assert asyncio.run(read(f"relay:{source.job.pk}:1", 0)) == []


@needs_redis
def test_redis_holds_no_more_than_its_window(source: Source):
    source.make(500_000)
    source.writer.end()
    with redis.Redis.from_url(settings.REDIS_URL) as client:

        def entries() -> list[Any]:
            found: list[Any] = client.xrange(f"relay:{source.job.pk}:1")
            return [fields for _, fields in found]

        wait_for(lambda: b"end" in entries()[-1], "all to be sent")
        held_bytes = [len(fields[b"bytes"]) for fields in entries()[:-1]]
    assert 55_000 < sum(held_bytes) <= 60_000


def test_marks_count_what_the_bytes_stand_for():
    marks = CharMarks()
    for at, chars in ((0, 3), (10, 3), (20, 8), (30, 9)):
        marks.add(at, chars)
    assert [marks.count(until) for until in (1, 20, 21, 30, 31, 99)] == [3, 3, 8, 8, 9, 9]


# --- money ---------------------------------------------------------------------------------------


def test_what_is_heard_from_the_store_is_counted_before_it_is_sent(api, the_engine, no_redis, monkeypatch):  # noqa: F811
    marks: list[tuple[int, int]] = []  # bytes, and the characters that they stand for
    write = parts.PartsWriter.write

    def note(self: parts.PartsWriter, encoded: bytes, *, chars: int) -> None:
        marks.append(((marks[-1][0] if marks else 0) + len(encoded), chars))
        write(self, encoded, chars=chars)

    monkeypatch.setattr(parts.PartsWriter, "write", note)
    data = submit(api, GATED, output_format="wav")
    job = job_of(data)
    heard: list[tuple[int, int]] = []

    async def hear() -> None:
        received = 0
        counted = sync_to_async(lambda: Job.objects.get(pk=job.pk).chars_handed_out)
        async with aclosing(listen(job)) as chunks:
            async for chunk in chunks:
                received += len(chunk)
                heard.append((received, await counted()))
                if received >= 3 * PART_BYTES:
                    return

    with Background(lambda: speak_next(QUEUE)):
        the_engine.reached.wait(10)
        asyncio.run(asyncio.wait_for(hear(), 30))
        assert lifecycle.fail_job(job=job_of(data), message="It failed.")
        the_engine.gate.set()
    assert len(heard) > 2
    for received, counted in heard:
        stand_for = next(chars for until, chars in marks if until >= received)
        assert counted >= stand_for > 0
    assert_failed_after_heard(job_of(data))
    assert job_of(data).chars_handed_out >= heard[-1][1]


# --- what is erased when -------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["fails", "is cancelled"])
def test_parts_go_with_a_job_that_ends_badly(api, the_engine, no_redis, ending: str):  # noqa: F811
    data = submit(api, GATED, output_format="wav")
    with Background(lambda: speak_next(QUEUE)):
        wait_for(lambda: len(stored_parts(job_of(data))) > 2, "parts to be stored")
        if ending == "fails":
            assert lifecycle.fail_job(job=job_of(data), message="It failed.")
        else:
            api.delete(data["poll_url"])
        the_engine.gate.set()
    wait_for(lambda: audio_files() == [], "the worker to take them away")
    assert not StreamPart.objects.filter(is_stored=True).exists()


def test_parts_of_a_dead_worker_go_with_the_job(api, the_engine, no_redis):  # noqa: F811
    data = submit(api, GATED, output_format="wav")
    the_engine.gate.set()
    job = job_of(data)
    part = StreamPart.objects.create(job=job, attempt=1, begins=0, ends=5, chars=1, is_stored=True)
    store.save_file(part.key, io.BytesIO(b"sound"))
    Job.objects.filter(pk=job.pk).update(
        status="processing", attempt=1, lease_expires_at=timezone.now() - timedelta(seconds=1)
    )
    assert sweep().reclaimed_jobs == 1
    assert stream_files() == [Path(part.key).name]  # the job is not over
    speak_next(QUEUE)
    assert job_of(data).status == "completed"
    sweep()
    assert (stream_files(), StreamPart.objects.count()) == ([], 0)


class ComesBackStorage(LocalAudioStorage):
    """A store that takes no part before it was asked three times."""

    refusals = 0

    def _save(self, name: str, content: Any) -> str:
        if "-stream-" in name and ComesBackStorage.refusals < 3:
            ComesBackStorage.refusals += 1
            raise StoreUnavailable
        return super()._save(name, content)


def test_a_store_that_was_away_gets_the_parts_later(api, the_engine, no_redis, settings, monkeypatch):  # noqa: F811
    monkeypatch.setattr(parts, "TRY_AGAIN_SECONDS", 0.01)
    monkeypatch.setattr(ComesBackStorage, "refusals", 0)
    settings.STORAGES = settings.STORAGES | {
        "audio": settings.STORAGES["audio"] | {"BACKEND": f"{__name__}.ComesBackStorage"}
    }
    data = submit(api, GATED, output_format="wav")
    with Background(lambda: speak_next(QUEUE)):
        listener = Listener(path_of(data))
        wait_for(lambda: len(listener.received) >= 3 * PART_BYTES, "parts to be heard")
        assert job_of(data).status == "processing"
        the_engine.gate.set()
    listener.join()
    assert bytes(listener.received[44:]) == stored(job_of(data))[44:]
    assert StreamPart.objects.filter(is_stored=False).count() == 3  # for the sweeper, in an hour
    assert stream_files() == []


# --- what is stored is read at the listener's pace -----------------------------------------------


@pytest.mark.parametrize("breaks", [1, 5])
def test_a_store_that_breaks_off_is_read_on(api, monkeypatch, breaks: int):
    data = submit(api, output_format="wav")
    speak_next(QUEUE)
    job, opened = job_of(data), list[int]()
    read_audio = store.read_audio

    class Breaking:
        def __init__(self, file: Any) -> None:
            self.file, self.reads = file, 0

        def read(self, size: int) -> bytes:
            self.reads += 1
            if self.reads > 1 and len(opened) <= breaks:
                raise StoreUnavailable
            return bytes(self.file.read(size // 16))

        def close(self) -> None:
            self.file.close()

    def read(key: str, skip_bytes: int) -> Breaking:
        opened.append(skip_bytes)
        return Breaking(read_audio(key, skip_bytes))

    monkeypatch.setattr(store, "read_audio", read)

    async def hear() -> bytes:
        return b"".join([chunk async for chunk in listen(job)])

    assert asyncio.run(hear()) == stored(job)
    assert opened == [4096 * number for number in range(breaks + 1)]


def test_a_store_that_ends_early_breaks_the_stream_off(api, monkeypatch):
    data = submit(api, output_format="wav")
    speak_next(QUEUE)
    Job.objects.update(audio_bytes=job_of(data).audio_bytes + 1)
    job = job_of(data)

    async def hear() -> None:
        async for _ in listen(job):
            pass

    with pytest.raises(StreamBroken, match="deleted"):
        asyncio.run(hear())
