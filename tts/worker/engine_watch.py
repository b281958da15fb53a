"""Checks whether this worker's engines still work: at its start, then every WORKER_PRESENCE_SECONDS.

A model's files can be damaged, repaired or installed while the worker runs. The catalogue is then updated, and the
engine is closed: waiting jobs fail with a refund, instead of using a model that could not be loaded again. The
catalogue is also corrected if another process, which has no model, marked the voices unavailable.
`tts.services.catalogue.ask_again` handles providers on the network.
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
    """The state of an engine according to its files and packages.

    `reason` is why the engine cannot work, "" if it can. `voices` has the same for each of its voices, by id.
    """

    reason: str
    voices: dict[str, str]


@dataclass(frozen=True, slots=True)
class Seen:
    """The last check of an engine. `failure` is why it did not work when it was tried, "" if it did."""

    look: Look
    failure: str


def start_watching(queues: Container[str]) -> threading.Thread:
    """Checks and warms up the engines once; the thread then checks until the worker is told to stop."""
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
    """Checks the engines of these queues. `seen` has the last result by engine, and is updated."""
    for engine in all_engines():
        if engine.queue not in queues or engine.queue == catalogue.REMOTE_QUEUE:
            continue
        try:
            _look_at(engine, seen)
        except AnyDatabaseError as error:  # the next check finds the same change
            logger.warning("could not note what %s can speak: %s", engine.name, type(error).__name__)


def _look_at(engine: Engine, seen: dict[str, Seen]) -> None:
    voices = {voice.voice_id: voice.unavailable_reason for voice in engine.voices()}
    look, last = Look(engine.unavailable_reason(), voices), seen.get(engine.name)
    if last is not None and last.look == look:
        # Only in this direction: if two workers disagree, the one that works is right.
        if not look.reason and not last.failure and _is_called_unavailable(engine, look):
            catalogue.sync_voices(providers=[engine.name])
        return
    catalogue.sync_voices(providers=[engine.name])
    if last is not None:
        logger.warning("engine %s: %s", engine.name, look.reason or "its files have changed")
        engine.close()
    seen[engine.name] = Seen(look, _warm_up(engine))


def _is_called_unavailable(engine: Engine, look: Look) -> bool:
    """Whether the catalogue marks a voice unavailable that works here."""
    return any(not look.voices.get(voice_id, "?") for voice_id in catalogue.unavailable_voices(provider=engine.name))


def _warm_up(engine: Engine) -> str:
    """Warms up an engine. If it fails, marks its voices unavailable and returns the reason, else ""."""
    if engine.unavailable_reason():
        return ""
    try:
        engine.warm_up()
    except EngineError as error:
        logger.warning("engine %s: %s", engine.name, error)
        catalogue.mark_unavailable(engine, reason=str(error))
        return str(error)
    return ""
