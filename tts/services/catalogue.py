"""Tells the catalogue what the engines of this installation can speak."""

from django.conf import settings

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
