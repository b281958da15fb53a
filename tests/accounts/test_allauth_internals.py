"""django-allauth's internal functions: one module imports those that we call, and an upgrade did not change them."""

import ast
import inspect
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from accounts import allauth_internals as internals
from tests.run import ROOT

CHECKED_VERSION = "65.21.1"
ADAPTER = "accounts/allauth_internals.py"
PACKAGES = ("config", "speech", "accounts", "billing", "webhooks", "voices", "tts", "portal", "operations")

SIGNATURES: list[tuple[Callable[..., Any], str]] = [
    (internals.TOTP.activate, "(user, secret)"),
    (internals.RecoveryCodes.activate, "(user)"),
    (internals.RecoveryCodes.get_unused_codes, "(self)"),
    (internals.WebAuthn.add, "(user, name, credential)"),
    (internals.begin_authentication, "(user=None)"),
    (internals.begin_registration, "(user, passwordless)"),
    (internals.clear_totp_secret, "(request)"),
    (internals.did_recently_reauthenticate, "(request)"),
    (internals.perform_passwordless_login, "(request, authenticator, login)"),
    (internals.rate_limited, "(**rl_kwargs)"),
]


def test_the_installed_release_is_the_one_that_was_checked():
    installed = version("django-allauth")
    assert installed == CHECKED_VERSION, (
        f"django-allauth is {installed}, but {ADAPTER} was checked with {CHECKED_VERSION}. Read what changed in the "
        "functions that it imports, run tests/accounts and the tests in a browser, then set CHECKED_VERSION here."
    )


@pytest.mark.parametrize(("function", "checked"), SIGNATURES, ids=lambda value: getattr(value, "__qualname__", ""))
def test_an_internal_function_takes_what_we_pass(function: Callable[..., Any], checked: str):
    found = signature_of(function)
    assert found == checked, (
        f"django-allauth changed {function.__qualname__} from {checked} to {found}: adapt {ADAPTER} and its callers."
    )


def test_every_imported_name_is_checked():
    checked = {function.__qualname__.split(".")[0] for function, _ in SIGNATURES}
    imported = {getattr(internals, name).__qualname__ for name in internals.__all__}
    assert checked == imported


def test_only_the_adapter_imports_internals():
    found = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if any("internal" in module.split(".") for module in allauth_modules_imported(path))
    }
    assert found == {ADAPTER}, f"Import django-allauth's internals through {ADAPTER}."


def signature_of(function: Callable[..., Any]) -> str:
    """Without annotations: they change without consequence."""
    signature = inspect.signature(function)
    parameters = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in signature.parameters.values()]
    return str(signature.replace(parameters=parameters, return_annotation=inspect.Signature.empty))


def allauth_modules_imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            modules = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        else:
            continue
        yield from (module for module in modules if module.startswith("allauth."))
