"""Whether this worker's own engines can still speak: looked at when it starts, then every WORKER_PRESENCE_SECONDS.

A model's files can be damaged, repaired or installed while the worker runs. The catalogue then says so, and what the
engine had loaded is dropped: jobs that wait fail with a refund, instead of being spoken by a model that nobody can load
again. The catalogue is also put right when another process, which has no model, called the voices unavailable.
Providers on the network are `tts.services.catalogue.ask_again`'s.
"""

import logging
import threading
from collections.abc import Container
from dataclasses import dataclass

from django.conf import settings
from django.db import Error as AnyDatabaseError
from django.db import connection

from speech.engines.base import Engine, EngineError
from speech.engines.registry import all_engines
from tts.services import catalogue
from tts.stopping import worker_is_stopping

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Look:
    """What files and packages say. `reason`: why the engine cannot speak; "" when it can. `voices`: the same for each
    of its voices, by ID.
    """

    reason: str
    voices: dict[str, str]


@dataclass(frozen=True, slots=True)
class Seen:
    """The last look at an engine. `failure`: why it did not work when it was tried; "" when it did."""

    look: Look
    failure: str


def start_watching(queues: Container[str]) -> threading.Thread:
    """Looks once, and makes the engines quick to answer; the thread goes on until the worker is told to stop."""
    seen: dict[str, Seen] = {}
    look_at_engines(queues, seen)
    for engine in all_engines():
        if engine.queue in queues and engine.queue == catalogue.REMOTE_QUEUE:
            _warm_up(engine)
    thread = threading.Thread(target=_look_until_stopped, args=(queues, seen), name="engine watch", daemon=True)
    thread.start()
    return thread


def _look_until_stopped(queues: Container[str], seen: dict[str, Seen]) -> None:
    while not worker_is_stopping.wait(settings.WORKER_PRESENCE_SECONDS):
        try:
            look_at_engines(queues, seen)
        finally:
            connection.close()  # a broken connection stays broken until it is closed; a good one is for others


def look_at_engines(queues: Container[str], seen: dict[str, Seen]) -> None:
    """Of these queues. `seen`: by engine, what the last call saw; brought up to date."""
    for engine in all_engines():
        if engine.queue not in queues or engine.queue == catalogue.REMOTE_QUEUE:
            continue
        try:
            _look_at(engine, seen)
        except AnyDatabaseError as error:  # the next look sees the same change
            logger.warning("could not note what %s can speak: %s", engine.name, type(error).__name__)


def _look_at(engine: Engine, seen: dict[str, Seen]) -> None:
    voices = {voice.voice_id: voice.unavailable_reason for voice in engine.voices()}
    look, last = Look(engine.unavailable_reason(), voices), seen.get(engine.name)
    if last is not None and last.look == look:
        # Only this way: of two workers that disagree, the one that can speak is right.
        if not look.reason and not last.failure and _is_called_unavailable(engine, look):
            catalogue.sync_voices(providers=[engine.name])
        return
    catalogue.sync_voices(providers=[engine.name])
    if last is not None:
        logger.warning("engine %s: %s", engine.name, look.reason or "its files have changed")
        engine.close()
    seen[engine.name] = Seen(look, _warm_up(engine))


def _is_called_unavailable(engine: Engine, look: Look) -> bool:
    """Whether the catalogue says so of a voice that can speak here."""
    return any(not look.voices.get(voice_id, "?") for voice_id in catalogue.unavailable_voices(provider=engine.name))


def _warm_up(engine: Engine) -> str:
    """Makes it quick to answer. One that turns out not to work takes its voices off the list; the reason, else ""."""
    if engine.unavailable_reason():
        return ""
    try:
        engine.warm_up()
    except EngineError as error:
        logger.warning("engine %s: %s", engine.name, error)
        catalogue.mark_unavailable(engine, reason=str(error))
        return str(error)
    return ""
