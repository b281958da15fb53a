"""The readers of the environment, and the secret key that one machine makes for itself."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from config.env import env_bool, env_int, env_list, env_str, secret_key_of_this_machine


@pytest.mark.parametrize("value", ["1", "true", "TRUE", "yes", "on", " on "])
def test_a_switch_is_on(monkeypatch: pytest.MonkeyPatch, value: str):
    monkeypatch.setenv("A_SWITCH", value)
    assert env_bool("A_SWITCH") is True


@pytest.mark.parametrize("value", ["0", "false", "No", "off"])
def test_a_switch_is_off(monkeypatch: pytest.MonkeyPatch, value: str):
    monkeypatch.setenv("A_SWITCH", value)
    assert env_bool("A_SWITCH", default=True) is False


def test_what_is_not_set_or_blank_has_its_default(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("UNSET", raising=False)
    monkeypatch.setenv("BLANK", "  ")
    for name in ("UNSET", "BLANK"):
        assert env_bool(name, default=True) is True
        assert env_int(name, 7) == 7
        assert env_str(name, "x") == "x"
        assert env_list(name, "a, b") == ["a", "b"]


def test_a_switch_that_is_neither_stops_the_start(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("A_SWITCH", "maybe")
    with pytest.raises(ImproperlyConfigured, match="A_SWITCH must be 1 or 0, not 'maybe'"):
        env_bool("A_SWITCH")


@pytest.mark.parametrize("value, message", [("ten", "must be a whole number"), ("1.5", "whole"), ("-1", "at least 0")])
def test_a_number_that_is_none_stops_the_start(monkeypatch: pytest.MonkeyPatch, value: str, message: str):
    monkeypatch.setenv("A_NUMBER", value)
    with pytest.raises(ImproperlyConfigured, match=message):
        env_int("A_NUMBER", 1)


def test_a_list_drops_what_is_empty(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("A_LIST", "a,, b ,")
    assert env_list("A_LIST") == ["a", "b"]


def test_the_secret_key_is_made_once_and_for_its_owner_alone(tmp_path: Path):
    path = tmp_path / "new" / "secret_key"
    key = secret_key_of_this_machine(path)
    assert len(key) == 64
    assert path.stat().st_mode & 0o777 == 0o600
    assert secret_key_of_this_machine(path) == key
    assert secret_key_of_this_machine(tmp_path / "another") != key


def start(program: str = "import config.settings", **environment: str) -> subprocess.CompletedProcess[str]:
    base = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=settings.BASE_DIR, env=base | environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    "address",
    [
        {"LISTEN_HOST": "0.0.0.0"},  # noqa: S104
        {"LISTEN_HOST": "192.168.1.4"},
        {"PUBLIC_URL": "https://speech.example.com"},
    ],
)
def test_debug_works_on_the_loopback_interface_only(tmp_path: Path, address: dict[str, str]):
    refused = start(DEBUG="1", DATA_DIR=str(tmp_path), **address)
    assert refused.returncode != 0
    assert "DEBUG=1 shows full error details, so it is allowed only on your own machine" in refused.stderr
    assert list(tmp_path.iterdir()) == []
    assert start(DATA_DIR=str(tmp_path), **address).returncode == 0


def test_debug_answers_no_host_but_this_machine(tmp_path: Path):
    shown = start(
        "from config.settings import *; print(ALLOWED_HOSTS)",
        DEBUG="1", DATA_DIR=str(tmp_path), ALLOWED_HOSTS="speech.example.com",
    )  # fmt: skip
    assert shown.stdout == "['localhost', '127.0.0.1', '[::1]']\n"


def test_production_does_not_start_without_a_secret_key_of_its_own(tmp_path: Path):
    production = {"DATABASE_URL": "postgres://nobody@localhost/nothing", "DATA_DIR": str(tmp_path)}
    refused = start(**production)
    assert refused.returncode != 0
    assert "SECRET_KEY must be set when DATABASE_URL is." in refused.stderr
    assert list(tmp_path.iterdir()) == []
    assert start(**production, SECRET_KEY="given").returncode == 0


# --- whether the staff needs a second factor -------------------------------------------------------


def staff_need_second_factor(data_dir: Path, **environment: str) -> bool:
    program = "from config import settings; print(settings.STAFF_NEED_SECOND_FACTOR)"
    done = start(program, DATA_DIR=str(data_dir), **environment)
    assert done.returncode == 0, done.stderr
    return {"True": True, "False": False}[done.stdout.strip()]


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"PORT": "8123", "LISTEN_HOST": "127.0.0.2"},
        {"LISTEN_HOST": "::1", "PUBLIC_URL": "http://[::1]:8000"},
        {"LISTEN_HOST": "localhost", "PUBLIC_URL": "http://localhost:8000", "ALLOWED_HOSTS": "localhost"},
        {"DEBUG": "1"},
    ],
)
def test_one_machine_that_only_its_own_programs_reach_needs_none(tmp_path: Path, environment: dict[str, str]):
    assert staff_need_second_factor(tmp_path, **environment) is False


@pytest.mark.parametrize(
    "environment",
    [
        {"DATABASE_URL": "postgres://nobody@localhost/nothing", "SECRET_KEY": "given"},
        {"LISTEN_HOST": "0.0.0.0"},  # noqa: S104
        {"LISTEN_HOST": "::"},
        {"LISTEN_HOST": "192.168.1.2"},
        {"PUBLIC_URL": "https://speech.example.com"},
        {"PUBLIC_URL": "http://localhost.example.com"},
        {"ALLOWED_HOSTS": "speech.example.com"},
        {"ALLOWED_HOSTS": "*"},
        {"TRUSTED_PROXIES": "1"},
        {"SERVE_HTTPS": "1"},
    ],
)
def test_every_other_service_needs_one(tmp_path: Path, environment: dict[str, str]):
    assert staff_need_second_factor(tmp_path, **environment) is True
