"""Segments spoken ahead of time: in order, only so many at once, and over as soon as nobody wants them."""

import threading
from collections.abc import Generator, Iterator
from contextlib import closing

import pytest

from speech.engines.base import Segment, TransientEngineError
from speech.prefetch import CHUNKS_AHEAD, prefetch_chunks, prefetch_segments
from tests.support.waiting import wait_for


class Enough(Exception):
    """Nobody wants it any more."""


class Speaker:
    """Says the number of a segment, as often as the number, when its gate is open; counts what is under way."""

    def __init__(self) -> None:
        self.gates = {str(number): threading.Event() for number in range(20)}
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.fails: set[str] = set()

    def open_all(self) -> None:
        for gate in self.gates.values():
            gate.set()

    def speak(self, segment: Segment) -> Generator[bytes, None, None]:
        self.begun.append(segment.text)
        try:
            assert self.gates[segment.text].wait(10)
            for _ in range(int(segment.text) + 1):
                yield segment.text.encode()
            if segment.text in self.fails:
                raise TransientEngineError("away")
        finally:
            self.ended.append(segment.text)


def segments(count: int) -> Iterator[Segment]:
    return (Segment(text=str(number), engine_voice="v", language="en-US") for number in range(count))


def never() -> None:
    """Nobody has changed his mind."""


def test_what_is_spoken_last_first_is_heard_in_order():
    speaker = Speaker()
    heard = []
    with closing(prefetch_segments(speaker.speak, segments(6), ahead=3, check=never)) as spoken:
        first = next(spoken)
        wait_for(lambda: len(speaker.begun) == 3, "three to be under way")
        speaker.gates["2"].set()
        speaker.gates["1"].set()
        wait_for(lambda: sorted(speaker.ended) == ["1", "2"], "the later two to be spoken")
        assert len(speaker.begun) == 3  # no more than three, though two are done: their audio is not heard yet
        speaker.open_all()
        heard.append(b"".join(first))
        heard += [b"".join(samples) for samples in spoken]
    assert heard == [b"0", b"11", b"222", b"3333", b"44444", b"555555"]


def test_the_first_samples_come_while_the_segment_is_still_spoken():
    release = threading.Event()

    def speak(segment: Segment) -> Generator[bytes, None, None]:
        yield b"begun"
        assert release.wait(10)
        yield b"ended"

    with closing(prefetch_segments(speak, segments(2), ahead=4, check=never)) as spoken:
        samples = next(spoken)
        assert next(samples) == b"begun"
        release.set()
        assert list(samples) == [b"ended"]
        assert list(next(spoken)) == [b"begun", b"ended"]
        assert next(spoken, None) is None


def test_a_failure_is_raised_in_its_place_and_ends_the_rest():
    speaker = Speaker()
    speaker.fails = {"1"}
    speaker.open_all()
    heard = []
    with (
        pytest.raises(TransientEngineError, match="away"),
        closing(prefetch_segments(speaker.speak, segments(20), ahead=2, check=never)) as spoken,
    ):
        for samples in spoken:
            for chunk in samples:
                heard.append(chunk)
    assert heard == [b"0", b"1", b"1"]
    wait_for(lambda: len(speaker.ended) == len(speaker.begun), "the rest to end")
    assert len(speaker.begun) <= 3


def test_who_changes_his_mind_while_waiting_is_heard():
    speaker = Speaker()
    asked = []

    def check() -> None:
        asked.append(1)
        if len(asked) > 2:
            raise Enough

    with pytest.raises(Enough), closing(prefetch_segments(speaker.speak, segments(9), ahead=4, check=check)) as spoken:
        for samples in spoken:
            list(samples)
    speaker.open_all()
    wait_for(lambda: len(speaker.ended) == 4, "what was under way to end")
    assert len(speaker.begun) == 4


def test_a_process_that_ends_does_not_wait_for_them():
    speaker = Speaker()
    with closing(prefetch_segments(speaker.speak, segments(4), ahead=4, check=never)) as spoken:
        next(spoken)
        wait_for(lambda: len(speaker.begun) == 4, "four to be under way")
        ours = [thread for thread in threading.enumerate() if thread.name == "speak ahead"]
        assert len(ours) >= 4
        assert all(thread.daemon for thread in ours)
    speaker.open_all()


# --- one engine, ahead of the encoder ------------------------------------------------------------


def test_the_engine_speaks_on_while_the_taker_is_busy_and_no_further_than_so_many():
    made = 0

    def chunks() -> Generator[bytes, None, None]:
        nonlocal made
        for made in range(1, 10 * CHUNKS_AHEAD + 1):
            yield str(made).encode()

    with closing(prefetch_chunks(chunks(), check=never)) as spoken:
        assert next(spoken) == b"1"
        assert made == 1, "the first goes out before the next is begun"
        assert next(spoken) == b"2"
        # Two were taken, so many are in the queue, and one finds it full.
        wait_for(lambda: made == CHUNKS_AHEAD + 3, "as many as may wait")
        assert [*spoken] == [str(number).encode() for number in range(3, 10 * CHUNKS_AHEAD + 1)]


def test_what_ends_the_engine_ends_the_taker_after_what_was_made():
    def chunks() -> Generator[bytes, None, None]:
        yield b"a"
        raise TransientEngineError("away")

    heard: list[bytes] = []
    with pytest.raises(TransientEngineError, match="away"), closing(prefetch_chunks(chunks(), check=never)) as spoken:
        heard.extend(iter(lambda: next(spoken), b""))
    assert heard == [b"a"]


@pytest.mark.parametrize("taken", [0, 1, 30])
def test_a_taker_who_leaves_waits_until_the_engine_is_free(taken: int):
    ended: list[str] = []

    def chunks() -> Generator[bytes, None, None]:
        try:
            while True:
                yield b"a"
        finally:
            ended.append(threading.current_thread().name)

    with closing(prefetch_chunks(chunks(), check=never)) as spoken:
        for _ in range(taken):
            next(spoken)
    assert ended == (["read ahead"] if taken else [])
    assert all(thread.name != "read ahead" for thread in threading.enumerate())


def test_a_wait_for_the_engine_ends_when_nobody_wants_it_any_more():
    gate = threading.Event()

    def chunks() -> Generator[bytes, None, None]:
        yield b"a"
        assert gate.wait(10)
        yield b"b"

    def check() -> None:
        gate.set()  # else closing would wait for the engine
        raise Enough

    with pytest.raises(Enough), closing(prefetch_chunks(chunks(), check=check)) as spoken:
        assert next(spoken) == b"a"
        next(spoken)
