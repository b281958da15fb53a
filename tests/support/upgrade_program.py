"""Fill every table of an older schema with one row, migrate to the newest, and print what became of the rows.

    python -m tests.support.upgrade_program APP.MIGRATION …

Runs on the database of the environment, which must be empty. Prints JSON: {model before: [model after, how many rows it
has, whether the row is among them]}.
"""

import json
import sys
import uuid
from typing import Any

import django
from django.db import IntegrityError, connection, models
from django.db.migrations.executor import MigrationExecutor
from django.db.models.fields import NOT_PROVIDED
from django.utils import timezone

OUR_APPS = ("accounts", "billing", "voices", "webhooks", "tts")
RENAMED = {
    "accounts.rememberedrequest": "accounts.idempotencyrecord",
    "billing.recharge": "billing.autotopup",
    "billing.stripecursor": "billing.stripeeventlock",
    "tts.audition": "tts.voicepreview",
}
SPECIAL: dict[str, dict[str, Any]] = {  # what a constraint wants
    "accounts.invitation": {"role": "viewer"},
    "webhooks.delivery": {"next_attempt_at": timezone.now()},
}


def main(targets: list[tuple[str, str]]) -> None:
    executor = MigrationExecutor(connection)
    foreign = [leaf for leaf in executor.loader.graph.leaf_nodes() if leaf[0] not in OUR_APPS]
    executor.migrate([*foreign, *targets])
    old_apps = MigrationExecutor(connection).loader.project_state([*foreign, *targets]).apps
    old_models = [model for app in OUR_APPS for model in old_apps.get_app_config(app).get_models()]
    filled = {model: fill(model) for model in old_models}

    executor = MigrationExecutor(connection)
    leaves = executor.loader.graph.leaf_nodes()
    executor.migrate(leaves)
    new_apps = MigrationExecutor(connection).loader.project_state(leaves).apps
    report = {}
    for model, row in filled.items():
        label = model._meta.label_lower
        renamed = new_apps.get_model(RENAMED.get(label, label))
        rows = renamed._default_manager.count()
        report[label] = [renamed._meta.label_lower, rows, renamed._default_manager.filter(pk=row.pk).exists()]
    print(json.dumps(report))


def fill(model: type[models.Model]) -> models.Model:
    """The table's first row, made now if there is none: what is not given a default gets a value of its type."""
    first = model._default_manager.first()
    if first is not None:
        return first
    values = SPECIAL.get(model._meta.label_lower, {}) | {
        field.attname: value_for(field)
        for field in model._meta.concrete_fields
        if not field.has_default()
        and not field.null
        and not isinstance(field, models.AutoField)
        and field.name not in SPECIAL.get(model._meta.label_lower, {})
    }
    try:
        return model._default_manager.create(**values)
    except IntegrityError as error:
        sys.exit(f"{model._meta.label}: {error}")  # a constraint: say in SPECIAL what it wants


def value_for(field: Any) -> Any:
    if field.remote_field is not None:
        return fill(field.related_model).pk
    if field.blank and field.empty_strings_allowed and field.default is NOT_PROVIDED:
        return ""
    if field.choices:
        return field.choices[0][0]
    match field:
        case models.UUIDField():
            return uuid.uuid4()
        case models.DateTimeField():
            return timezone.now()
        case models.DateField():
            return timezone.now().date()
        case models.BooleanField():
            return False
        case models.JSONField():
            return {}
        case models.BinaryField():
            return b"bytes"
        case models.GenericIPAddressField():
            return "203.0.113.7"
        case models.IntegerField() | models.FloatField():
            return 1
        case models.EmailField():
            return "alice@acme.example"
        case models.CharField() | models.TextField():
            return "value"[: field.max_length]
    raise TypeError(f"{field} is a {type(field).__name__}: say here what goes into it.")


if __name__ == "__main__":
    django.setup()
    main([tuple(argument.split(".", 1)) for argument in sys.argv[1:]])  # type: ignore[misc]
