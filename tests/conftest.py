"""What every test may use: clean places to write to, the voices of this machine, the cast, an API client."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections
from django.test import Client
from pytest_django.plugin import DjangoDbBlocker

from accounts import selectors as account_selectors
from accounts.append_only import AUDIT_GUARD
from accounts.models import Account, ApiKey, User
from billing.models import Price
from billing.triggers import LEDGER_GUARD
from tests.factories import make_account, make_key, make_user
from tests.support.migrated import copy_migrated_database
from tests.support.snapshot import restore_snapshot, take_snapshot
from tts.services.catalogue import sync_catalogue
from tts.storage import store
from voices import installation
from voices.models import Voice


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """pytest-django decides by markers and names, before the first test, whether there is a test database."""
    for item in items:
        names = set(getattr(item, "fixturenames", ()))
        if names & {"account", "voices"} and "committed_db" not in names and not item.get_closest_marker("django_db"):
            item.add_marker(pytest.mark.django_db)


@pytest.fixture(scope="session")
def django_db_keepdb(
    django_db_keepdb: bool, django_db_modify_db_settings: None, django_db_blocker: DjangoDbBlocker
) -> bool:
    """A process beside others takes a copy of the run's migrated database instead of migrating its own."""
    with django_db_blocker.unblock():
        return django_db_keepdb or copy_migrated_database()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """An empty database has the voices of this machine, as `make run` fills it in: once, not for each test.

    And the prices of the tiers alone: eSpeak speaks in most tests, and costs 1 credit for 1,000 characters there, as
    any premium voice does. What it costs on a fresh installation is in tests/billing/test_prices.py.
    """
    with django_db_blocker.unblock():
        sync_catalogue()
        Price.objects.exclude(code__in=["premium", "ultra"]).delete()
        # What a test with real transactions finds: the flush after the one before took everything away.
        connection._test_serialized_contents = take_snapshot()  # type: ignore[attr-defined]
        connection.creation.deserialize_db_from_string = restore_snapshot  # type: ignore[assignment, method-assign]


@pytest.fixture(autouse=True)
def staff_without_second_factor(settings) -> None:
    """Operators sign in with a password alone, on every database; `test_enrolment.py` asks for more."""
    settings.STAFF_NEED_SECOND_FACTOR = False


@pytest.fixture(autouse=True)
def private_places(settings, tmp_path: Path) -> None:
    """Everything a test writes is in its own folder; nothing is remembered from the test before."""
    settings.SPOOL_DIR = tmp_path / "spool"
    settings.STORAGES = settings.STORAGES | {
        "audio": {
            "BACKEND": "tts.storage.local.LocalAudioStorage",
            "OPTIONS": {"location": tmp_path / "audio"},
        },
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    settings.RATELIMIT_CACHE_PREFIX = f"rl:{uuid.uuid4()}:"
    # allauth counts without a prefix of its own, and Redis outlives a test.
    settings.CACHES = settings.CACHES | {"default": settings.CACHES["default"] | {"KEY_PREFIX": str(uuid.uuid4())}}
    settings.EMAIL_FILE_PATH = tmp_path / "mail"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    account_selectors._maintenance_seen = (float("-inf"), False)
    store._spoken_for = (float("-inf"), 0)
    installation._seen = (float("-inf"), None)


@pytest.fixture
def committed_db(django_db_serialized_rollback: None, transactional_db: None) -> Iterator[None]:
    """A database whose transactions are real, for races, threads and other processes.

    It is flushed after the test, which the triggers of ledger and audit trail refuse: they stand during the test and
    are lifted after it.
    """
    with connection.schema_editor() as editor:
        for guard in (LEDGER_GUARD, AUDIT_GUARD):
            guard.create_triggers(None, editor)
    yield
    connections.close_all()
    with connection.schema_editor() as editor:
        for guard in (LEDGER_GUARD, AUDIT_GUARD):
            guard.drop_triggers(None, editor)


# Named `db` in the signatures below, so that pytest-django runs these tests before those that flush the database. With
# `committed_db` it is the same thing.


@pytest.fixture
def voices(db: None) -> None:
    """The catalogue as `make run` fills it: `django_db_setup` did."""


@pytest.fixture
def no_voices(db: None) -> None:
    """The catalogue before any engine was asked."""
    Voice.objects.all().delete()


@pytest.fixture
def account(db: None) -> Account:
    return make_account("Acme")


@pytest.fixture
def alice(account: Account) -> User:
    """Owns Acme."""
    return make_user("alice@acme.example", account)


@pytest.fixture
def signed_in(client: Client, alice: User) -> Client:
    """Alice's browser."""
    client.force_login(alice)
    return client


@pytest.fixture
def key(account: Account) -> tuple[ApiKey, str]:
    return make_key(account)


class ApiClient:
    """Django's test client with a key: `api.post("/api/v1/tts", {...})`. `raw` bodies go out as they are."""

    def __init__(self, key: str | None) -> None:
        self.client = Client(raise_request_exception=False)
        self.headers = {"Authorization": f"Bearer {key}"} if key else {}

    def get(self, path: str, **headers: str) -> Any:
        return self.client.get(path, headers=self.headers | headers)

    def delete(self, path: str, **headers: str) -> Any:
        return self.client.delete(path, headers=self.headers | headers)

    def post(
        self, path: str, body: Any = None, *, raw: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Any:
        data = raw if raw is not None else json.dumps(body)
        return self.client.post(
            path, data=data, content_type="application/json", headers=self.headers | (headers or {})
        )


@pytest.fixture
def api(key: tuple[ApiKey, str]) -> ApiClient:
    return ApiClient(key[1])


@pytest.fixture
def anonymous() -> ApiClient:
    return ApiClient(None)
