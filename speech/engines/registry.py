"""Returns the engines that this server is configured with: one instance of each per process.

Which ones is defined by `settings.SPEECH_ENGINES`: name → dotted path of the engine's class.
"""

from typing import cast

from django.conf import settings
from django.utils.module_loading import import_string

from speech.engines.base import Engine, EngineUnavailable

# By dotted path. No lock: engines are cheap to create, `setdefault` is atomic, and a lock held by another thread during
# a fork would stay locked in the child forever.
_instances: dict[str, Engine] = {}


def get_engine(name: str) -> Engine:
    """Returns the engine of that name. Raises EngineUnavailable if none is configured."""
    dotted_path = settings.SPEECH_ENGINES.get(name)
    if dotted_path is None:
        raise EngineUnavailable(f"No speech engine named {name} is configured here.")
    return _instances.get(dotted_path) or _instances.setdefault(dotted_path, _create(dotted_path))


def all_engines() -> list[Engine]:
    """Returns every configured engine, available or not, in the order of the settings."""
    return [get_engine(name) for name in settings.SPEECH_ENGINES]


def close_engines() -> None:
    """Closes the engines that this process used. They start again when needed."""
    for engine in list(_instances.values()):
        engine.close()


def _create(dotted_path: str) -> Engine:
    return cast(Engine, import_string(dotted_path)())
