"""Updates the catalogue with the voices of the configured engines."""

import logging
from collections.abc import Collection

from django.conf import settings

from speech.catalogue import VoiceEntry
from speech.engines.base import Engine, EngineError
from speech.engines.registry import all_engines
from voices.models import Voice
from voices.selectors import usable_providers
from voices.services import CatalogueChange, reconcile_catalogue, retire_providers

logger = logging.getLogger(__name__)

REMOTE_QUEUE = "speech.remote"


def sync_catalogue() -> dict[str, CatalogueChange]:
    """Syncs the voices of every configured engine, by provider; voices of other engines become unavailable."""
    changes = {engine.name: _sync(engine) for engine in all_engines()}
    retire_providers(keep=list(settings.SPEECH_ENGINES))
    return changes


def sync_voices(*, providers: Collection[str]) -> dict[str, CatalogueChange]:
    """Syncs these engines only, by provider. Vanished voices keep their rows, and operators' settings stay."""
    return {engine.name: _sync(engine) for engine in all_engines() if engine.name in providers}


def sync_remote_voices() -> dict[str, CatalogueChange]:
    """Syncs the providers on the network, by provider."""
    return sync_voices(providers=[engine.name for engine in all_engines() if engine.queue == REMOTE_QUEUE])


def ask_again() -> dict[str, CatalogueChange]:
    """Syncs providers that are configured but have no usable voice, because they were unavailable at the last sync."""
    heard = set(usable_providers())
    away = [
        engine.name
        for engine in all_engines()
        if engine.queue == REMOTE_QUEUE and engine.name not in heard and not engine.unavailable_reason()
    ]
    return sync_voices(providers=away)


def unavailable_voices(*, provider: str) -> list[str]:
    """Returns the ids of voices marked unavailable, whether or not an operator enabled them."""
    return list(
        Voice.objects.filter(provider=provider).exclude(unavailable_reason="").values_list("voice_id", flat=True)
    )


def mark_unavailable(engine: Engine, *, reason: str) -> None:
    """Marks an engine unavailable that failed in use although it seemed to work. The next sync checks again."""
    entries, _ = _ask(engine)
    reconcile_catalogue(provider=engine.name, entries=entries, unavailable_reason=reason.rstrip("."))


def _sync(engine: Engine) -> CatalogueChange:
    entries, reason = _ask(engine)
    return reconcile_catalogue(provider=engine.name, entries=entries, unavailable_reason=reason)


def _ask(engine: Engine) -> tuple[list[VoiceEntry], str]:
    """Returns an engine's voices, and why they are unavailable. Empty for a failed provider, to keep the known ones."""
    reason = engine.unavailable_reason()
    try:
        return engine.voices(), reason
    except EngineError as error:
        logger.warning("could not list the voices of %s: %s", engine.name, error)
        return [], reason or str(error).rstrip(".")
