"""Generates speech ahead of time, in order, in threads.

A remote provider's latency then passes while another segment plays, and an engine continues while the encoder is busy.
A segment holds a few minutes of audio at most and the number of segments in progress is bounded, so memory does not
grow with the text.
"""

import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, suppress
from contextvars import copy_context
from typing import TypeVar

from speech.engines.base import Segment

LOOK_UP_SECONDS = 0.2  # how often a waiting thread checks whether it should stop
CHUNKS_AHEAD = 64  # for eSpeak half a megabyte, 12 seconds of audio

Speak = Callable[[Segment], Generator[bytes, None, None]]
Chunk = TypeVar("Chunk")
_Out = queue.SimpleQueue[Chunk | BaseException | None] | queue.Queue[Chunk | BaseException | None]


def prefetch_segments(
    speak: Speak, segments: Iterable[Segment], *, ahead: int, check: Callable[[], None]
) -> Generator[Iterator[bytes], None, None]:
    """Yields an iterator of samples per segment; read each to its end before the next. `ahead` segments are spoken at
    once.

    `check` is called while waiting. An exception from `check` or `speak` ends everything.
    """
    waiting = iter(segments)
    under_way: deque[_Out[bytes]] = deque()
    stop = threading.Event()
    try:
        while True:
            while len(under_way) < ahead and (segment := next(waiting, None)) is not None:
                out: _Out[bytes] = queue.SimpleQueue()
                # Daemon threads, so that a process that exits does not wait for a provider.
                arguments = (_speak_into, speak, segment, out, stop)
                threading.Thread(target=copy_context().run, args=arguments, name="speak ahead", daemon=True).start()
                under_way.append(out)
            if not under_way:
                return
            check()
            yield _heard(under_way[0], check)
            under_way.popleft()
    finally:
        stop.set()  # not joined: a call to a provider ends at its next chunk or by its own deadline


def prefetch_chunks(chunks: Generator[Chunk, None, None], *, check: Callable[[], None]) -> Generator[Chunk, None, None]:
    """Yields the same chunks, generated while the caller is busy with the previous ones. At most `CHUNKS_AHEAD` are
    queued.

    The second chunk is started only once the first has been taken: an engine uses every processor, and the first audio
    should reach the listener without delay. `check` is called while waiting. An exception from `check` or `chunks` ends
    everything. Closing this generator waits until `chunks` is closed, too.
    """
    out: queue.Queue[Chunk | BaseException | None] = queue.Queue(CHUNKS_AHEAD)
    first_is_out, stop = threading.Event(), threading.Event()
    arguments = (_read_into, chunks, out, first_is_out, stop)
    thread = threading.Thread(target=copy_context().run, args=arguments, name="read ahead")
    thread.start()
    try:
        for chunk in _heard(out, check):
            yield chunk
            first_is_out.set()
    finally:
        stop.set()
        first_is_out.set()
        thread.join()


def _read_into(
    chunks: Generator[Chunk, None, None],
    out: "queue.Queue[Chunk | BaseException | None]",
    first_is_out: threading.Event,
    stop: threading.Event,
) -> None:
    def put(item: Chunk | BaseException | None) -> None:
        while not stop.is_set():
            with suppress(queue.Full):
                out.put(item, timeout=LOOK_UP_SECONDS)
                return

    try:
        with closing(chunks):
            for chunk in chunks:
                put(chunk)
                first_is_out.wait()
                if stop.is_set():
                    return
    except BaseException as error:
        put(error)
    finally:
        put(None)


def _speak_into(speak: Speak, segment: Segment, out: _Out[bytes], stop: threading.Event) -> None:
    try:
        with closing(speak(segment)) as chunks:
            for pcm in chunks:
                if stop.is_set():
                    return
                out.put(pcm)
    except BaseException as error:
        out.put(error)
    finally:
        out.put(None)


def _heard(out: _Out[Chunk], check: Callable[[], None]) -> Iterator[Chunk]:
    while True:
        try:
            item = out.get(timeout=LOOK_UP_SECONDS)
        except queue.Empty:
            check()
            continue
        if item is None:
            return
        if isinstance(item, BaseException):
            raise item
        yield item
