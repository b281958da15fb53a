"""The wait for a file in a folder: ended by one that is moved in, and by nothing else before its time."""

import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from kombu import Connection

from config import inotify
from config.file_queue import LOOK_AGAIN_SECONDS, Channel, Transport
from config.inotify import FolderWatch

LONG, SHORT = 30.0, 0.05  # seconds


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "queue"
    path.mkdir()
    return path


@pytest.fixture
def watch(folder: Path) -> Iterator[FolderWatch]:
    watch = FolderWatch(folder)
    yield watch
    watch.close()


def move_in(folder: Path) -> None:
    (folder / "a.part").write_text("a")
    (folder / "a.part").rename(folder / "a.msg")


def seconds_of(watch: FolderWatch, most: float) -> float:
    begin = time.monotonic()
    watch.wait(most)
    return time.monotonic() - begin


def test_what_comes_before_the_wait_ends_it_at_once(watch: FolderWatch, folder: Path):
    watch.begin()
    move_in(folder)
    assert seconds_of(watch, LONG) < LONG / 3


def test_what_comes_during_the_wait_ends_it(watch: FolderWatch, folder: Path):
    watch.begin()
    mover = threading.Timer(SHORT, move_in, [folder])
    mover.start()
    assert SHORT / 2 < seconds_of(watch, LONG) < LONG / 3
    mover.join()


def test_without_anything_new_it_lasts(watch: FolderWatch, folder: Path):
    move_in(folder)
    watch.begin()
    assert seconds_of(watch, SHORT) >= SHORT * 0.9
    (folder / "b.part").write_text("not finished")
    assert seconds_of(watch, SHORT) >= SHORT * 0.9


def test_a_folder_may_be_missing_and_made_anew(watch: FolderWatch, folder: Path):
    watch.begin()
    for _ in range(2):
        shutil.rmtree(folder)
        watch.begin()
        assert seconds_of(watch, LONG) < LONG / 3, "it looks often until the folder is there"
        folder.mkdir()
        watch.begin()
        assert seconds_of(watch, SHORT) >= SHORT * 0.9
        watch.begin()
        move_in(folder)
        assert seconds_of(watch, LONG) < LONG / 3


def test_where_the_kernel_tells_nothing_it_looks_often(watch: FolderWatch, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(inotify, "_libc", object())
    watch.begin()
    assert seconds_of(watch, LONG) < LONG / 3


def test_a_closed_one_leaves_nothing_open(folder: Path):
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        watch = FolderWatch(folder)
        watch.begin()
        watch.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_consumer_hears_of_a_message_without_looking_for_it(folder: Path, monkeypatch: pytest.MonkeyPatch):
    looks: list[str] = []
    look = Channel._get

    def counted(self: Channel, queue: str, timeout: float | None = None) -> object:
        looks.append(queue)
        return look(self, queue, timeout)

    monkeypatch.setattr(Channel, "_get", counted)
    options = {"data_folder_in": str(folder), "data_folder_out": str(folder)}
    with Connection("memory://", transport=Transport, transport_options=options) as connection:
        queue = connection.SimpleQueue("speech", no_ack=True)
        sender = threading.Timer(0.3, queue.put, ["hello"])
        sender.start()
        assert queue.get(timeout=LONG).payload == "hello"
        sender.join()
    assert len(looks) <= 4, "it waits, and does not ask again and again"


def test_who_has_a_hand_free_again_gets_what_waited_meanwhile(folder: Path):
    options = {"data_folder_in": str(folder), "data_folder_out": str(folder)}
    with Connection("memory://", transport=Transport, transport_options=options) as connection:
        queue = connection.SimpleQueue("speech")
        queue.consumer.qos(prefetch_count=1)
        queue.put("first")
        queue.put("second")
        first = queue.get(timeout=LONG)
        threading.Timer(0.2, first.ack).start()
        begin = time.monotonic()
        second = queue.get(timeout=LONG)
        assert (first.payload, second.payload) == ("first", "second")
        assert 0.1 < time.monotonic() - begin < LOOK_AGAIN_SECONDS * 0.8
        second.ack()
