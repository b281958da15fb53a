"""Tells the catalogue what the engines of this installation can speak."""

import logging

from django.conf import settings

from tts.engines.base import Engine, EngineError
from tts.engines.registry import all_engines
from voices.services import CatalogueChange, reconcile_catalogue, retire_providers

logger = logging.getLogger(__name__)


def sync_catalogue() -> dict[str, CatalogueChange]:
    """Every configured engine's voices, by provider; voices of other engines become unavailable."""
    changes = {engine.name: _sync(engine) for engine in all_engines()}
    retire_providers(keep=list(settings.SPEECH_ENGINES))
    return changes


def _sync(engine: Engine) -> CatalogueChange:
    """A provider that does not answer loses no voice: those that are known stay, with the reason."""
    reason = engine.unavailable_reason()
    try:
        entries = engine.voices()
    except EngineError as error:
        logger.warning("no voices from %s: %s", engine.name, error)
        entries, reason = [], reason or str(error).rstrip(".")
    return reconcile_catalogue(provider=engine.name, entries=entries, unavailable_reason=reason)
