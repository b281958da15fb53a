"""Updates the catalogue, its samples, users' favourites, and the names that stand for voices."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.errors import NothingToChange
from accounts.models import User
from accounts.services import audit
from accounts.services.audit import Actor
from speech.catalogue import VoiceEntry
from voices.errors import NameTaken
from voices.models import Favourite, ModelAlias, Sample, Voice, VoiceAlias
from voices.sample_texts import list_sample_texts
from voices.selectors import SAMPLE_PLACE, samples_to_make, usable_voices

ENGINE_FIELDS = [field.name for field in fields(VoiceEntry) if field.name not in ("voice_id", "unavailable_reason")]
VERSION_CHARS = 12  # of a digest, which is the end of a sample's name in the store
SYNCED_FIELDS = ["voice_id", *ENGINE_FIELDS, "is_listed", "unavailable_reason"]


@dataclass(frozen=True, slots=True)
class CatalogueChange:
    """How many voices of a provider are now listed, how many were added (or came back), and how many vanished."""

    total: int
    added: int
    vanished: int


@transaction.atomic
def reconcile_catalogue(*, provider: str, entries: Sequence[VoiceEntry], unavailable_reason: str) -> CatalogueChange:
    """Updates the catalogue to what the engine lists. Vanished voices stay as unlisted rows: jobs refer to them.

    Writes only changes: for voices that are already known, hundreds of them, a start takes one query.
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
        # An engine that cannot start cannot list its voices either: keep the known ones, with the reason.
        Voice.objects.filter(provider=provider).update(unavailable_reason=unavailable_reason)
        return CatalogueChange(total=len(listed), added=0, vanished=0)
    vanished = listed - named
    if vanished:
        Voice.objects.filter(voice_id__in=vanished).update(is_listed=False)
    return CatalogueChange(total=len(named), added=len(named - listed), vanished=len(vanished))


def _as_stored(entry: VoiceEntry, unavailable_reason: str) -> dict[str, Any]:
    """Returns an entry's column values. An `unavailable_reason` of the engine takes precedence over the voice's own."""
    values = {name: getattr(entry, name) for name in ("voice_id", *ENGINE_FIELDS)}
    values |= {"is_listed": True, "unavailable_reason": unavailable_reason or entry.unavailable_reason}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


@transaction.atomic
def retire_providers(*, keep: Sequence[str]) -> int:
    """Marks voices of engines that are no longer configured as unavailable. Returns how many."""
    reason = "its engine is not configured on this server"
    return Voice.objects.exclude(provider__in=keep).update(unavailable_reason=reason)


@transaction.atomic
def set_voice_enabled(*, voice: Voice, is_enabled: bool, actor: Actor, reason: str) -> None:
    """Enables or disables a voice, which syncs do not change. Accepted jobs still run. Raises NothingToChange."""
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
    """Sets or removes a favourite. Idempotent."""
    if is_favourite:
        Favourite.objects.bulk_create([Favourite(user=user, voice=voice)], ignore_conflicts=True)
    else:
        Favourite.objects.filter(user=user, voice=voice).delete()


# --- samples --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _SampleChanges:
    new: list[Sample]
    other_text: list[Sample]
    other_sound: list[Sample]
    unneeded: list[Sample]

    def any(self) -> bool:
        return bool(self.new or self.other_text or self.other_sound or self.unneeded)


def plan_samples(*, providers: Collection[str]) -> list[str]:
    """Creates, updates and deletes sample rows to match the usable voices of these providers.

    Two queries if nothing changed. Returns the keys of audio that no row refers to any longer.
    """
    if not _find_sample_changes(providers, Sample.objects.all()).any():
        return []
    with transaction.atomic():
        changes = _find_sample_changes(providers, Sample.objects.select_for_update())
        dropped_keys = [row.key for row in changes.unneeded + changes.other_text if row.key]
        for row in changes.other_text:
            row.key = row.made_version = ""
        Sample.objects.bulk_create(changes.new, ignore_conflicts=True)
        Sample.objects.bulk_update(changes.other_text, ["text", "version", "key", "made_version", "failed_at"])
        Sample.objects.bulk_update(changes.other_sound, ["version", "failed_at"])
        Sample.objects.filter(pk__in=[row.pk for row in changes.unneeded]).delete()
    return dropped_keys


def _find_sample_changes(providers: Collection[str], samples: QuerySet[Sample]) -> _SampleChanges:
    voices = usable_voices().filter(provider__in=providers)
    rows = {(row.voice_id, row.kind): row for row in samples.filter(voice__in=voices).defer("peaks")}
    changes = _SampleChanges([], [], [], [])
    columns = ("pk", "language", "voice_id", "engine_voice", "sound_version")
    for pk, language, *identity in voices.order_by().values_list(*columns):
        for kind, text in list_sample_texts(language):
            version = hashlib.sha256("\n".join([*identity, text]).encode()).hexdigest()[:VERSION_CHARS]
            row = rows.pop((pk, kind), None)
            if row is None:
                changes.new.append(Sample(voice_id=pk, kind=kind, text=text, version=version))
            elif row.version != version:
                (changes.other_sound if row.text == text else changes.other_text).append(row)
                row.text, row.version, row.failed_at = text, version, None
    changes.unneeded.extend(rows.values())
    return changes


def claim_sample(*, providers: Collection[str]) -> Sample | None:
    """Returns a sample for the caller to generate, which no other worker gets; None if there is none to generate.

    Each voice gets its first sample before any gets its second, the best voice first.
    """
    waiting = samples_to_make(providers=providers)
    ranked = waiting.order_by(SAMPLE_PLACE, "-voice__quality", "voice__rank", "voice__language", "pk")
    while (sample := ranked.select_related("voice").defer("peaks").first()) is not None:
        if waiting.filter(pk=sample.pk).update(claimed_at=timezone.now()):
            return sample
        # Another worker was faster.
    return None


def keep_sample(*, sample: Sample, key: str, peaks: bytes, duration_ms: int) -> bool:
    """Saves a generated sample. `key` is its name in the audio store, `peaks` its loudness over time, for the waveform.

    Returns False if the sample changed meanwhile, so that this audio is useless.
    """
    mine = Sample.objects.filter(pk=sample.pk, version=sample.version)
    made = {"key": key, "peaks": peaks, "duration_ms": duration_ms, "made_version": sample.version}
    return bool(mine.update(**made, claimed_at=None, failed_at=None))


def release_sample(*, sample: Sample, has_failed: bool) -> None:
    """Releases a sample that was not generated, to the next worker or, if the engine failed, after a pause."""
    failed_at = timezone.now() if has_failed else None
    Sample.objects.filter(pk=sample.pk).update(claimed_at=None, failed_at=failed_at)


def forget_samples(*, providers: Collection[str]) -> int:
    """Marks samples to be generated again, each replacing the old one. Returns how many."""
    return Sample.objects.filter(voice__provider__in=providers).update(made_version="", failed_at=None)


# --- the names that OpenAI clients send -----------------------------------------------------------

Alias = ModelAlias | VoiceAlias
ALIAS_KINDS: dict[type[Alias], str] = {ModelAlias: "model_alias", VoiceAlias: "voice_alias"}  # in the audit trail
ALIAS_FIELDS: dict[type[Alias], tuple[str, ...]] = {
    ModelAlias: ("model_type", "engine_model"),
    VoiceAlias: ("voice_ids",),
}


@transaction.atomic
def copy_alias(*, alias: Alias, name: str, actor: Actor, reason: str) -> None:
    """Copies an alias to another name. Raises NameTaken."""
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
    """Changes what a name stands for, from the next request on. Raises NothingToChange."""
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
    """Enables or disables an alias. A disabled name is unknown to callers. Raises NothingToChange."""
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
