"""One migrated database a run: the first test process builds it, and every process starts with a copy."""

import fcntl
import os
import shutil
from pathlib import Path

from django.conf import settings
from django.db import connection

from tests.parallel import WORKER
from tests.support.services import create_database, drop_database


def copy_migrated_database() -> bool:
    """Puts a copy where this process's test database belongs. False if the process builds its own: it is alone, or
    pytest was started without `tests.run`.
    """
    if WORKER is None or "DATA_DIR" not in os.environ:
        return False
    folder = Path(os.environ["DATA_DIR"]).parent  # the run's
    with (folder / "migrated.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        is_built = folder / "migrated.built"
        template = _template_name(folder)
        if not is_built.exists():
            _build(template)
            is_built.touch()
        _copy(template, connection.creation._get_test_db_name())  # type: ignore[attr-defined]
    return True


def _template_name(folder: Path) -> str:
    if connection.vendor == "sqlite":
        return str(folder / "migrated.sqlite3")
    return f"{os.environ['TEST_DATABASE_NAME']}_migrated"


def _build(template: str) -> None:
    names = connection.settings_dict
    before, own = names["NAME"], names["TEST"]["NAME"]
    names["TEST"]["NAME"] = template
    try:
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        connection.close()
        if connection.vendor == "postgresql":
            connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL copies no database that is in use
    finally:
        names["TEST"]["NAME"] = own
        names["NAME"] = settings.DATABASES["default"]["NAME"] = before


def _copy(template: str, name: str) -> None:
    if connection.vendor == "postgresql":
        drop_database(os.environ["DATABASE_URL"], name)
        create_database(os.environ["DATABASE_URL"], name, template=template)
        return
    for ending in ("-wal", "-shm"):
        assert not Path(template + ending).exists()  # the last connection wrote everything to the file
        Path(name + ending).unlink(missing_ok=True)
    shutil.copyfile(template, name)
