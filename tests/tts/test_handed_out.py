"""Hearing for free: streams that fail or are cancelled after they were heard.

The relay is Redis where it is there, else the spool.
"""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from typing import Any

import pytest
from django.db import connections
from django.test import AsyncClient

from accounts.models import Account
from speech.engines.registry import get_engine
from tests.support.waiting import wait_for
from tests.support.workers import (
    QUEUE,
    Background,
    assert_charged_once,
    assert_failed_after_heard,
    ledger_adds_up,  # noqa: F401
    own_queue,  # noqa: F401
    race,
    scripted_engine,  # noqa: F401
)
from tests.tts.test_stream import Listener, job_of, path_of, stored, submit, the_engine  # noqa: F401
from tts.errors import StreamBroken
from tts.models import Job
from tts.services import lifecycle
from tts.storage import store
from tts.streaming import handed_out
from tts.streaming.handed_out import HandedOut
from tts.streaming.job_stream import listen
from tts.streaming.relay import Relayed
from tts.tasks import speak_next
from tts.worker.lease import Lease
from tts.worker.synthesis import speak_text
from voices.models import Voice

PROSE = "This is a fine first sentence. This is another one. "
GATED = f"{PROSE}GATE to wait for. The end is never heard."


def heard_so_far(job: Job) -> int:
    return Job.objects.get(pk=job.pk).chars_handed_out


class AsgiListener(Listener):
    """The same under ASGI."""

    def _run(self) -> None:
        async def hear() -> None:
            response: Any = await AsyncClient().get(self._path)
            self.status = response.status_code
            async with aclosing(response.streaming_content) as chunks:
                async for chunk in chunks:
                    self.received += chunk

        try:
            asyncio.run(hear())
        except BaseException as error:
            self.error = error
        finally:
            connections.close_all()


# --- the attacks ---------------------------------------------------------------------------------


@pytest.mark.parametrize("listener_type", [Listener, AsgiListener])
def test_a_stream_that_runs_away_after_its_prose_was_heard_keeps_the_prose(api, the_engine, listener_type):  # noqa: F811
    """The last piece alone is longer than all of it may be."""
    data = submit(api, f"{PROSE}GATE to be heard. SECONDS 300.", output_format="wav")
    listener = listener_type(path_of(data))
    with Background(lambda: speak_next(QUEUE)):
        wait_for(lambda: heard_so_far(job_of(data)) >= len(PROSE), "the prose to be handed out")
        wait_for(lambda: len(listener.received) > 100_000, "the prose to be heard")
        the_engine.gate.set()
    listener.join()
    assert isinstance(listener.error, StreamBroken)
    job = job_of(data)
    assert len(listener.received) > 100_000
    assert job.status == "failed"
    assert job.chars_handed_out >= len(PROSE)
    kept = job.cost_microcredits - job.refunded_microcredits
    assert kept == job.chars_handed_out * job.cost_microcredits // job.chars_charged


@pytest.mark.parametrize("listener_type", [Listener, AsgiListener])
def test_cancelling_a_stream_gives_back_nothing_of_what_was_heard_though_the_heartbeat_is_old(
    api,
    the_engine,  # noqa: F811
    monkeypatch,
    listener_type,
):
    monkeypatch.setattr("tts.worker.lease.HEARTBEAT_SECONDS", 60.0)
    data = submit(api, GATED, output_format="wav")
    with Background(lambda: speak_next(QUEUE)):
        listener = listener_type(path_of(data))
        the_engine.reached.wait(10)
        wait_for(lambda: heard_so_far(job_of(data)) >= len(PROSE), "the prose to be handed out")
        assert job_of(data).chars_done == 0
        answer = api.delete(data["poll_url"]).json()["data"]
        the_engine.gate.set()
    listener.join()
    job = job_of(data)
    price = job.cost_microcredits // job.chars_charged
    assert (answer["status"], answer["refunded"]) == ("cancelled", False)
    assert len(PROSE) <= job.chars_handed_out < job.chars_charged
    assert job.refunded_microcredits == (job.chars_charged - job.chars_handed_out) * price


def test_a_text_in_one_piece_is_neither_free_nor_whole(api):
    """No sentence ends in it, so only its seconds can be counted, rounded up."""
    job = job_of(submit(api, "SECONDS 60 and" + " so on and on" * 70))
    lease = Lease(job)
    voice = Voice.objects.get(voice_id=job.voice_id)
    counts = [chunk.chars for chunk in speak_text(job, voice, get_engine("espeak"), lease)]
    assert counts == sorted(counts)
    assert len(counts) == 60
    assert 10 < counts[0] < 40
    assert counts[9] == pytest.approx(10 * counts[0], abs=10)
    assert counts[29] < job.chars_charged
    assert lease.chars_done == job.chars_charged


def test_a_piece_is_counted_at_the_pace_of_those_before_if_that_is_faster(api):
    """The first piece takes 0.01 s a character, as fast words do; the second has no end before its 20 seconds."""
    first = "QUICKLY one two three four five six. "
    job = job_of(submit(api, f"{first}SECONDS 20 and so on" + " and so on" * 40))
    voice = Voice.objects.get(voice_id=job.voice_id)
    counts = [chunk.chars for chunk in speak_text(job, voice, get_engine("espeak"), Lease(job))]
    seconds = counts[-20:]
    assert seconds[0] == pytest.approx(len(first) + 100, abs=5)
    assert seconds[1] == pytest.approx(len(first) + 200, abs=10)


def test_a_failure_after_a_killed_web_process_keeps_what_it_was_about_to_send(api, account, the_engine):  # noqa: F811
    """Killed between the count and the send: nobody heard it, and it is charged; the other way round would be free."""
    data = submit(api, GATED, output_format="wav")
    with Background(lambda: speak_next(QUEUE)):
        the_engine.reached.wait(10)
        job = job_of(data)

        async def die_before_the_send() -> None:
            chunks = listen(job)
            await anext(chunks)
            await chunks.aclose()

        asyncio.run(die_before_the_send())
        assert heard_so_far(job) > 0
        assert lifecycle.fail_job(job=job_of(data), message="It failed.")
        the_engine.gate.set()
    assert_failed_after_heard(job)


def test_a_killed_worker_and_a_failing_second_attempt_keep_what_the_first_let_hear(api, the_engine):  # noqa: F811
    data = submit(api, GATED, output_format="wav")
    with Background(lambda: speak_next(QUEUE)):
        listener = Listener(path_of(data))
        the_engine.reached.wait(10)
        wait_for(lambda: heard_so_far(job_of(data)) >= len(PROSE), "the prose to be handed out")
        heard = heard_so_far(job_of(data))
        Job.objects.filter(pk=data["job_id"]).update(lease_expires_at=job_of(data).created_at)
        assert lifecycle.reclaim_dead_jobs() == 1
        assert heard_so_far(job_of(data)) >= heard
        second = lifecycle.claim_next_job(queue=QUEUE)
        assert second is not None
        assert lifecycle.fail_job(job=second, message="It failed.")
        the_engine.gate.set()
    listener.join()
    assert isinstance(listener.error, StreamBroken)
    assert_failed_after_heard(job_of(data))


@pytest.mark.parametrize("ending", ["cancel", "fail"])
def test_of_a_refund_and_a_count_that_race_the_later_sees_the_other(api, account, ending):
    for _ in range(10):
        data = submit(api, PROSE)
        claimed = lifecycle.claim_next_job(queue=QUEUE)
        assert claimed is not None

        def end(claimed: Job = claimed) -> None:
            if ending == "cancel":
                lifecycle.cancel_job(account=account, job_id=claimed.pk)
            else:
                lifecycle.fail_job(job=claimed, message="It failed.")

        count = partial(lifecycle.raise_chars_handed_out, job_id=claimed.pk, attempt=1, chars=30)
        may_send, _ = race(count, end)
        job = job_of(data)
        kept = job.cost_microcredits - job.refunded_microcredits
        assert isinstance(may_send, bool)
        assert kept == (30 if may_send else 0) * job.cost_microcredits // job.chars_charged


def test_a_job_that_is_cancelled_while_it_hangs_in_the_store_gives_everything_back(
    api,
    account,
    monkeypatch,
    the_engine,  # noqa: F811
):
    hangs, goes_on = threading.Event(), threading.Event()
    save_audio = store.save_audio

    def hang(*arguments: Any) -> None:
        hangs.set()
        goes_on.wait(30)
        save_audio(*arguments)

    monkeypatch.setattr(store, "save_audio", hang)
    answer = api.post("/api/v1/tts", {"text": PROSE, "voice_id": "espeak:en-US-eSpeak-Annie"})
    job = Job.objects.get(pk=answer.json()["data"]["job_id"])
    with Background(lambda: speak_next(QUEUE)):
        assert hangs.wait(20)
        wait_for(lambda: Job.objects.get(pk=job.pk).is_storing, "the heartbeat to tell of the store")
        data = api.delete(f"/api/v1/tts/{job.pk}").json()["data"]
        goes_on.set()
    assert (data["status"], data["refunded"]) == ("cancelled", True)
    job.refresh_from_db()
    assert (job.status, job.refunded_microcredits) == ("cancelled", job.cost_microcredits)


# --- the count -----------------------------------------------------------------------------------


def test_a_stream_that_is_heard_to_its_end_is_charged_in_full_and_is_what_is_stored(api):
    data = submit(api, PROSE * 20)
    listener = Listener(path_of(data))
    wait_for(lambda: job_of(data).stream_opened_at is not None, "the stream to be opened")
    speak_next(QUEUE)
    listener.join()
    assert listener.error is None
    assert bytes(listener.received) == stored(job_of(data))
    assert_charged_once(job_of(data))


async def relay_of(*items: Relayed | None, pause_seconds: float = 0.0) -> AsyncGenerator[Relayed | None, None]:
    for item in items:
        yield item
        await asyncio.sleep(pause_seconds)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, int]]:
    """When the row was written, and with how much. Every write succeeds."""
    writes: list[tuple[float, int]] = []

    async def count(job_id: Any, attempt: int, chars: int) -> bool:
        writes.append((time.monotonic(), chars))
        return True

    monkeypatch.setattr(handed_out, "_raise", count)
    return writes


def test_a_stream_writes_at_most_four_times_a_second_and_sends_nothing_that_is_not_counted(counted, account: Account):
    items = [Relayed(b"x" * 100, 100 * number, number) for number in range(1, 81)]  # in 1.6 seconds
    sent = 0

    async def hear() -> None:
        nonlocal sent
        async for piece in HandedOut(account.pk).follow(relay_of(*items, pause_seconds=0.02), attempt=1):
            assert piece is not None
            sent += len(piece.encoded)
            assert sent <= counted[-1][1] * 100

    asyncio.run(hear())
    times = [at for at, _chars in counted]
    assert all(fifth - first >= 1.0 for first, fifth in zip(times, times[4:], strict=False))
    assert 4 < len(times) <= 12
    assert sent >= 4000


def test_what_comes_after_what_was_counted_once_needs_no_other_write(counted, account: Account):
    items = [Relayed(b"x" * 100, 1000, 7) for _ in range(10)]

    async def hear() -> int:
        return len([piece async for piece in HandedOut(account.pk).follow(relay_of(*items), attempt=1)])

    assert asyncio.run(hear()) == 10
    assert [chars for _at, chars in counted] == [7]


def test_a_count_that_is_refused_sends_nothing_and_has_the_job_looked_at(monkeypatch, account: Account):
    async def refuse(job_id: Any, attempt: int, chars: int) -> bool:
        return False

    monkeypatch.setattr(handed_out, "_raise", refuse)

    async def hear() -> list[Relayed | None]:
        pieces = HandedOut(account.pk).follow(relay_of(Relayed(b"x", 1, 1)), attempt=1)
        return [piece async for piece in pieces]

    assert set(asyncio.run(hear())) == {None}
