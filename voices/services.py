"""Changes of the catalogue, of people's favourites, and of the names that stand for its voices."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.errors import NothingToChange
from accounts.models import User
from accounts.services import audit
from accounts.services.audit import Actor
from speech.catalogue import VoiceEntry
from voices.errors import NameTaken
from voices.models import Favourite, ModelAlias, Voice, VoiceAlias
from voices.selectors import voices_without_sample

ENGINE_FIELDS = [field.name for field in fields(VoiceEntry) if field.name not in ("voice_id", "unavailable_reason")]
SYNCED_FIELDS = ["voice_id", *ENGINE_FIELDS, "is_listed", "unavailable_reason"]


@dataclass(frozen=True, slots=True)
class CatalogueChange:
    """How many voices of a provider are listed now, and how many came (or came back) and went."""

    total: int
    added: int
    vanished: int


@transaction.atomic
def reconcile_catalogue(*, provider: str, entries: Sequence[VoiceEntry], unavailable_reason: str) -> CatalogueChange:
    """Makes the catalogue say what the engine says. Vanished voices stay as rows, unlisted: jobs point to them.

    Writes only what is new: the hundreds of voices that were known at the last start cost one query.
    """
    known = {row["voice_id"]: row for row in Voice.objects.filter(provider=provider).values(*SYNCED_FIELDS)}
    listed = {voice_id for voice_id, row in known.items() if row["is_listed"]}
    rows = [
        Voice(**said)
        for entry in entries
        if known.get(entry.voice_id) != (said := _as_stored(entry, unavailable_reason))
    ]
    Voice.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["voice_id"],
        update_fields=[*ENGINE_FIELDS, "is_listed", "unavailable_reason"],
        batch_size=500,
    )
    named = {entry.voice_id for entry in entries}
    if unavailable_reason and not entries:
        # An engine that cannot start cannot list its voices either: keep what is known, with the reason.
        Voice.objects.filter(provider=provider).update(unavailable_reason=unavailable_reason)
        return CatalogueChange(total=len(listed), added=0, vanished=0)
    vanished = listed - named
    if vanished:
        Voice.objects.filter(voice_id__in=vanished).update(is_listed=False)
    return CatalogueChange(total=len(named), added=len(named - listed), vanished=len(vanished))


def _as_stored(entry: VoiceEntry, unavailable_reason: str) -> dict[str, Any]:
    """`unavailable_reason`: of the engine, which comes before one of the voice's own."""
    values = {name: getattr(entry, name) for name in ("voice_id", *ENGINE_FIELDS)}
    values |= {"is_listed": True, "unavailable_reason": unavailable_reason or entry.unavailable_reason}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


@transaction.atomic
def retire_providers(*, keep: Sequence[str]) -> int:
    """Voices of engines that are no longer configured cannot speak here. Returns how many."""
    reason = "its engine is not configured on this server"
    return Voice.objects.exclude(provider__in=keep).update(unavailable_reason=reason)


@transaction.atomic
def set_voice_enabled(*, voice: Voice, is_enabled: bool, actor: Actor, reason: str) -> None:
    """The operator's own switch, which no sync touches. Accepted jobs are still spoken. Raises NothingToChange."""
    if not Voice.objects.filter(pk=voice.pk, is_enabled=not is_enabled).update(is_enabled=is_enabled):
        raise NothingToChange(f"The voice is already {'enabled' if is_enabled else 'disabled'}.")
    audit.record(
        actor=actor,
        action="voice.enabled" if is_enabled else "voice.disabled",
        reason=reason,
        target_type="voice",
        target_id=voice.voice_id,
        before={"is_enabled": not is_enabled},
        after={"is_enabled": is_enabled},
    )


def set_favourite(*, user: User, voice: Voice, is_favourite: bool) -> None:
    """As it is to be, whatever it was: a second click changes nothing."""
    if is_favourite:
        Favourite.objects.bulk_create([Favourite(user=user, voice=voice)], ignore_conflicts=True)
    else:
        Favourite.objects.filter(user=user, voice=voice).delete()


def claim_sample(*, providers: Collection[str]) -> Voice | None:
    """A voice of these providers whose sample is to be made now, by the caller alone. None when there is none."""
    waiting = voices_without_sample(providers=providers)
    while (voice := waiting.order_by("language", "name").first()) is not None:
        if waiting.filter(pk=voice.pk).update(sample_tried_at=timezone.now()):
            return voice
        # Another worker was quicker.
    return None


def keep_sample(*, voice: Voice, key: str, peaks: bytes) -> None:
    """`key`: where it lies in the audio store. `peaks`: its loudness over time, for the waveform."""
    Voice.objects.filter(pk=voice.pk).update(sample_key=key, sample_peaks=peaks)


def forget_samples(*, providers: Collection[str]) -> int:
    """So that they are made anew, each in the place of the old one. Returns how many."""
    return Voice.objects.filter(provider__in=providers).update(sample_key="", sample_tried_at=None)


# --- the names that OpenAI's clients send ---------------------------------------------------------

Alias = ModelAlias | VoiceAlias
ALIAS_KINDS: dict[type[Alias], str] = {ModelAlias: "model_alias", VoiceAlias: "voice_alias"}  # in the audit trail
ALIAS_FIELDS: dict[type[Alias], tuple[str, ...]] = {
    ModelAlias: ("model_type", "engine_model"),
    VoiceAlias: ("voice_ids",),
}


@transaction.atomic
def copy_alias(*, alias: Alias, name: str, actor: Actor, reason: str) -> None:
    """The same under another name. Raises NameTaken."""
    kind = type(alias)
    values = {field: getattr(alias, field) for field in ALIAS_FIELDS[kind]}
    try:
        with transaction.atomic():
            kind(name=name, **values).save(force_insert=True)
    except IntegrityError:
        raise NameTaken(f"{name} already exists.") from None
    _record_alias(kind, name, actor, "added", reason, before={}, after=values)


@transaction.atomic
def edit_alias(*, alias: Alias, values: Mapping[str, Any], actor: Actor, reason: str) -> None:
    """What a name stands for. It holds from the next request on. Raises NothingToChange."""
    kind = type(alias)
    stored = kind._default_manager.select_for_update().get(pk=alias.pk)
    before = {field: getattr(stored, field) for field in values if getattr(stored, field) != values[field]}
    if not before:
        raise NothingToChange("Nothing was changed.")
    after = {field: values[field] for field in before}
    kind._default_manager.filter(pk=alias.pk).update(**after)
    _record_alias(kind, alias.name, actor, "edited", reason, before=before, after=after)


@transaction.atomic
def set_alias_enabled(*, alias: Alias, is_enabled: bool, actor: Actor, reason: str) -> None:
    """A disabled name is unknown to callers. Raises NothingToChange."""
    kind = type(alias)
    rows = kind._default_manager.filter(pk=alias.pk, is_enabled=not is_enabled)
    if not rows.update(is_enabled=is_enabled):
        raise NothingToChange(f"The name is already {'enabled' if is_enabled else 'disabled'}.")
    action = "enabled" if is_enabled else "disabled"
    before, after = {"is_enabled": not is_enabled}, {"is_enabled": is_enabled}
    _record_alias(kind, alias.name, actor, action, reason, before=before, after=after)


def _record_alias(
    kind: type[Alias],
    name: str,
    actor: Actor,
    action: str,
    reason: str,
    *,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
) -> None:
    audit.record(
        actor=actor,
        action=f"{ALIAS_KINDS[kind]}.{action}",
        reason=reason,
        target_type=ALIAS_KINDS[kind],
        target_id=name,
        before=before,
        after=after,
    )
