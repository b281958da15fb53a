"""The operator's commands, run in a process of their own beside the running service."""

import re

import httpx

from tests.live.service import Caller, Service
from tests.support.waiting import wait_for

UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
KEY = r"tts_[0-9A-Za-z]{36}"


def status_with(service: Service, key: str) -> int:
    return httpx.get(f"{service.url}/api/v1/tts", headers={"Authorization": f"Bearer {key}"}).status_code


def test_an_account_with_credits_and_a_key_is_one_command(service: Service):
    made = service.manage_json("create_account", "bob@acme.example", "--plan", "payg", "--credits", "2.5", "--key")
    assert re.fullmatch(UUID, made.pop("account_id"))
    assert len(made.pop("password")) >= 12
    key = made.pop("api_key")
    assert re.fullmatch(KEY, key)
    assert made == {"email": "bob@acme.example", "plan": "payg", "credits": "2.5"}
    assert status_with(service, key) == 200


def test_a_key_is_made_and_once_revoked_refused_at_once(service: Service, caller: Caller):
    issued = service.manage_json("issue_key", "alice@acme.example", "--name", "For a test", "--scope", "speech:read")
    assert re.fullmatch(UUID, issued["key_id"])
    assert re.fullmatch(UUID, issued["account_id"])
    assert issued["name"] == "For a test"
    assert issued["scopes"] == ["speech:read"]
    assert issued["expires_at"] is None
    with httpx.Client(base_url=service.url, headers={"Authorization": f"Bearer {issued['api_key']}"}) as client:
        assert client.get("/api/v1/tts").status_code == 200

        revoked = service.manage_json("revoke_key", issued["key_id"])

        refused = client.get("/api/v1/tts")  # on the same connection, with no time to forget
        assert (refused.status_code, refused.json()["error"]["code"]) == (401, "UNAUTHORIZED")
    assert revoked == {
        "key_id": issued["key_id"],
        "account_id": issued["account_id"],
        "name": "For a test",
        "revoked": True,
        "was_revoked_before": False,
    }
    assert status_with(service, caller.key) == 200  # the account's other key


def test_maintenance_refuses_the_api_but_speaks_what_was_accepted(service: Service, caller: Caller):
    try:
        with service.standing_worker():
            job_id = caller.submit()
            assert service.manage_json("maintenance", "on") == {"maintenance": "on"}
            wait_for(lambda: status_with(service, caller.key) == 503, "the API to go down", seconds=2)
            for refused in (caller.http.get(f"/api/v1/tts/{job_id}"), caller.http.post("/api/v1/tts", json={})):
                assert (refused.status_code, refused.json()["error"]["code"]) == (503, "MAINTENANCE")
                assert refused.headers["Retry-After"] == "300"
            assert service.answers()
            assert caller.status_in_database(job_id) == "pending"
        wait_for(lambda: caller.status_in_database(job_id) == "completed", "the job to complete")
    finally:
        assert service.manage_json("maintenance", "off") == {"maintenance": "off"}
    wait_for(lambda: status_with(service, caller.key) == 200, "the API to come back", seconds=2)


def test_a_mistake_is_told_in_a_sentence(service: Service):
    done = service.manage("create_account", "dora@acme.example", "--plan", "golden")
    assert done.returncode == 1
    assert (
        done.stderr.splitlines()[-1]
        == "CommandError: There is no plan 'golden'; there are free, payg, pro, enterprise."
    )
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
