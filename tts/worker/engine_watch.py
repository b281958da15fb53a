"""Whether this worker's own engines can still speak: looked at when it starts, and every
WORKER_PRESENCE_SECONDS.

A model's files can be damaged, repaired or installed while the worker runs. The catalogue then says so, and what the
engine had loaded is dropped: jobs that wait fail with a refund, instead of being spoken by a model that nobody can load
again. Providers on the network are `tts.services.catalogue.ask_again`'s.
"""

import logging
import threading
from collections.abc import Container

from django.conf import settings
from django.db import Error as AnyDatabaseError
from django.db import connection

from speech.engines.base import Engine, EngineError
from speech.engines.registry import all_engines
from tts.services import catalogue
from tts.stopping import worker_is_stopping

logger = logging.getLogger(__name__)

Look = tuple[str, tuple[str, ...]]  # why the engine cannot speak, and why each of its voices cannot; "" where it can


def start_watching(queues: Container[str]) -> threading.Thread:
    """Looks once, so that the catalogue is right before anything is loaded; the thread goes on until the worker is
    told to stop.
    """
    seen: dict[str, Look] = {}
    look_at_engines(queues, seen)
    thread = threading.Thread(target=_look_until_stopped, args=(queues, seen), name="engine watch", daemon=True)
    thread.start()
    return thread


def _look_until_stopped(queues: Container[str], seen: dict[str, Look]) -> None:
    while not worker_is_stopping.wait(settings.WORKER_PRESENCE_SECONDS):
        try:
            look_at_engines(queues, seen)
        finally:
            connection.close()  # a broken connection stays broken until it is closed; a good one is for others


def look_at_engines(queues: Container[str], seen: dict[str, Look]) -> None:
    """Of these queues. `seen`: by engine, what the last call saw; brought up to date."""
    for engine in all_engines():
        if engine.queue not in queues or engine.queue == catalogue.REMOTE_QUEUE:
            continue
        look, last = _look(engine), seen.get(engine.name)
        if look == last:
            continue
        try:
            catalogue.sync_voices(providers=[engine.name])
        except AnyDatabaseError as error:
            logger.warning("could not note what %s can speak: %s", engine.name, type(error).__name__)
            continue  # the next look sees the same change
        seen[engine.name] = look
        if last is not None:
            logger.warning("engine %s: %s", engine.name, look[0] or "its files have changed")
            engine.close()
            warm_up(engine)


def _look(engine: Engine) -> Look:
    return engine.unavailable_reason(), tuple(voice.unavailable_reason for voice in engine.voices())


def warm_up_engines(queues: Container[str]) -> None:
    """Of the engines that work on these queues."""
    for engine in all_engines():
        if engine.queue in queues:
            warm_up(engine)


def warm_up(engine: Engine) -> None:
    """Makes it quick to answer. One that turns out not to work takes its voices off the list."""
    if engine.unavailable_reason():
        return
    try:
        engine.warm_up()
    except EngineError as error:
        logger.warning("engine %s: %s", engine.name, error)
        catalogue.mark_unavailable(engine, reason=str(error))
