"""Speech made ahead of time, in order, by threads: what a provider far away takes to answer passes while another
segment is heard, and an engine speaks on while the encoder is busy.

Owns the threads and their end. A segment holds a few minutes of audio at most, and only so many are under way, so
memory does not grow with the text.
"""

import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, suppress
from contextvars import copy_context
from typing import TypeVar

from speech.engines.base import Segment

LOOK_UP_SECONDS = 0.2  # how often a wait looks whether it is still wanted
CHUNKS_AHEAD = 64  # of eSpeak half a megabyte, 12 seconds of sound

Speak = Callable[[Segment], Generator[bytes, None, None]]
Chunk = TypeVar("Chunk")
_Out = queue.SimpleQueue[Chunk | BaseException | None] | queue.Queue[Chunk | BaseException | None]


def prefetch_segments(
    speak: Speak, segments: Iterable[Segment], *, ahead: int, check: Callable[[], None]
) -> Generator[Iterator[bytes], None, None]:
    """The samples of each segment, which must be read before those of the next. `ahead` segments are spoken at once.

    `check` is called while waiting; what it raises, as what `speak` raises, ends everything.
    """
    waiting = iter(segments)
    under_way: deque[_Out[bytes]] = deque()
    stop = threading.Event()
    try:
        while True:
            while len(under_way) < ahead and (segment := next(waiting, None)) is not None:
                out: _Out[bytes] = queue.SimpleQueue()
                # Daemons: a process that is to end does not wait for a provider.
                arguments = (_speak_into, speak, segment, out, stop)
                threading.Thread(target=copy_context().run, args=arguments, name="speak ahead", daemon=True).start()
                under_way.append(out)
            if not under_way:
                return
            check()
            yield _heard(under_way[0], check)
            under_way.popleft()
    finally:
        stop.set()  # not waited for: a call to a provider ends at its next chunk, or by its own deadline


def prefetch_chunks(chunks: Generator[Chunk, None, None], *, check: Callable[[], None]) -> Generator[Chunk, None, None]:
    """The same chunks, made while the taker is busy with those before; `CHUNKS_AHEAD` at most wait for it. But the
    first goes out before the next is begun: an engine takes every processor, and somebody waits for the first sound.

    `check` is called while waiting; what it raises, as what `chunks` raises, ends everything. Whoever closes this waits
    until `chunks` is closed, too.
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
