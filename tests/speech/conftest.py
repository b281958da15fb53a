"""The tests of speech run without a database: one that asks for it stops the run."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent
DATABASE_FIXTURES = {"db", "transactional_db", "committed_db", "django_db_setup"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE not in item.path.parents:
            continue
        fixtures = DATABASE_FIXTURES & set(getattr(item, "fixturenames", ()))
        if fixtures or item.get_closest_marker("django_db"):
            raise pytest.UsageError(f"{item.nodeid} asks for a database; tests of speech have none.")
