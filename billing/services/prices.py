"""What operators change about prices and packs. Every change is audited in its transaction."""

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction

from accounts.errors import NothingToChange
from accounts.services import audit
from accounts.services.audit import Actor
from billing.models import Pack, Price

PACK_FIELDS = ("credits_microcredits", "price", "currency", "stripe_price_id")


@transaction.atomic
def change_price(*, price: Price, microcredits_per_character: int, actor: Actor, reason: str) -> None:
    """Changes the price of jobs submitted from now on. Raises NothingToChange."""
    before = Price.objects.select_for_update().get(pk=price.pk).microcredits_per_character
    if before == microcredits_per_character:
        raise NothingToChange("The price is already set to this value.")
    Price.objects.filter(pk=price.pk).update(microcredits_per_character=microcredits_per_character)
    _record(
        price,
        actor,
        "price.changed",
        reason,
        before={"microcredits_per_character": before},
        after={"microcredits_per_character": microcredits_per_character},
    )


@transaction.atomic
def add_family_price(*, code: str, microcredits_per_character: int, actor: Actor, reason: str) -> Price:
    """A price for one family of voices ("polly:Neural"). Raises NothingToChange when it has one, enabled or not."""
    values = {"microcredits_per_character": microcredits_per_character}
    price = Price(code=code, **values)
    assert price.is_of_family
    try:
        with transaction.atomic():
            price.save(force_insert=True)
    except IntegrityError:
        raise NothingToChange(f"{code} already has a price. Edit that row.") from None
    _record(price, actor, "price.added", reason, before={}, after=values)
    return price


@transaction.atomic
def set_price_enabled(*, price: Price, is_enabled: bool, actor: Actor, reason: str) -> None:
    """While a family's price is disabled, its voices cost what their tier costs. Raises NothingToChange."""
    assert price.is_of_family
    if not Price.objects.filter(pk=price.pk, is_enabled=not is_enabled).update(is_enabled=is_enabled):
        raise NothingToChange("Already set to this value.")
    action = "price.enabled" if is_enabled else "price.disabled"
    _record(price, actor, action, reason, before={"enabled": not is_enabled}, after={"enabled": is_enabled})


@transaction.atomic
def edit_pack(*, pack: Pack, values: Mapping[str, Any], actor: Actor, reason: str) -> None:
    """Changes some of PACK_FIELDS. Existing purchases keep their terms. Raises NothingToChange."""
    assert set(values) <= set(PACK_FIELDS)
    stored = Pack.objects.select_for_update().get(pk=pack.pk)
    before = {field: getattr(stored, field) for field in values if getattr(stored, field) != values[field]}
    if not before:
        raise NothingToChange("Nothing was changed.")
    after = {field: values[field] for field in before}
    Pack.objects.filter(pk=pack.pk).update(**after)
    _record(pack, actor, "pack.edited", reason, before=before, after=after)


@transaction.atomic
def copy_pack(*, values: Mapping[str, Any], actor: Actor, reason: str) -> Pack:
    """Creates another pack from all of PACK_FIELDS."""
    pack = Pack.objects.create(**{field: values[field] for field in PACK_FIELDS})
    _record(pack, actor, "pack.created", reason, before={}, after=dict(values))
    return pack


@transaction.atomic
def set_pack_enabled(*, pack: Pack, is_enabled: bool, actor: Actor, reason: str) -> None:
    """Sets whether a pack is on sale. Raises NothingToChange."""
    if not Pack.objects.filter(pk=pack.pk, is_enabled=not is_enabled).update(is_enabled=is_enabled):
        raise NothingToChange("Already set to this value.")
    action = "pack.enabled" if is_enabled else "pack.disabled"
    _record(pack, actor, action, reason, before={"enabled": not is_enabled}, after={"enabled": is_enabled})


def _record(
    row: Price | Pack, actor: Actor, action: str, reason: str, *, before: Mapping[str, Any], after: Mapping[str, Any]
) -> None:
    audit.record(
        actor=actor,
        action=action,
        reason=reason,
        target_type=type(row).__name__.lower(),
        target_id=row.pk,
        before=before,
        after=after,
    )
