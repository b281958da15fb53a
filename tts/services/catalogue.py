"""Tells the catalogue what the engines of this installation can speak."""

from django.conf import settings

from tts.engines.base import Engine
from tts.engines.registry import all_engines
from voices.services import CatalogueChange, reconcile_catalogue, retire_providers


def sync_catalogue() -> dict[str, CatalogueChange]:
    """Every configured engine's voices, by provider; voices of other engines become unavailable."""
    changes = {
        engine.name: reconcile_catalogue(
            provider=engine.name, entries=engine.voices(), unavailable_reason=engine.unavailable_reason()
        )
        for engine in all_engines()
    }
    retire_providers(keep=list(settings.SPEECH_ENGINES))
    return changes


def mark_unavailable(engine: Engine, *, reason: str) -> None:
    """An engine that looked well did not work when it was tried. The next sync looks anew."""
    reconcile_catalogue(provider=engine.name, entries=engine.voices(), unavailable_reason=reason.rstrip("."))
