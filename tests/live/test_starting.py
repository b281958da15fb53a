"""A start that finds things as they often are: another service on the port, a database of its own."""

import pytest

from tests.live.service import Service, settings_of_services


def programs(service: Service) -> set[int]:
    """Without the children of the speech engine, which come and go with its samples."""
    return {process.pid for process in service.processes() if "engines/espeak/child.py" not in process.command}


def test_a_taken_port_is_named_and_nothing_is_started(service: Service):
    before = programs(service)
    done = service.manage("serve")
    assert done.returncode == 1
    assert f"Port {service.port} is in use" in done.stderr
    assert "Traceback" not in done.stderr
    assert programs(service) == before


@pytest.mark.skipif(not settings_of_services(), reason="DATABASE_URL is not set: a demo account is made")
def test_with_a_database_of_its_own_no_demo_account_is_made(service: Service):
    assert "tts_" not in service.output
    assert "Password" not in service.output
    assert service.query("SELECT count(*) FROM accounts_user WHERE email = 'demo@example.com'") == [(0,)]


def test_reloading_is_refused_without_debug(service: Service):
    done = service.manage("serve", "--reload")
    assert done.returncode == 1
    assert "--reload is for development: run `make dev`, or set DEBUG=1." in done.stderr
    assert "Traceback" not in done.stderr
