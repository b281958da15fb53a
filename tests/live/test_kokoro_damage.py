"""A running service whose Kokoro model is damaged: it says so within a minute, goes on, and takes the repaired one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from speech.engines.kokoro import files
from tests.live.service import VOICE_ID, Caller, Service, settings_of_services
from tests.support import kokoro_files
from tests.support.ports import free_port
from tests.support.waiting import wait_for

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(bool(settings_of_services()), reason="runs on SQLite and files alone"),
]

BELLA = "kokoro:en-US-Kokoro-Bella"
A_MINUTE = 60.0  # what the product promises


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """As after `kokoro_export`: nobody has another one to put in its place."""
    folder = tmp_path / "kokoro"
    kokoro_files.tone_model(folder)
    kokoro_files.packs(folder)
    network = folder / "model.onnx"
    entry = files.entry_for(network, files.compute_sha256(network), place=files.EXPORTED)
    files.write_manifest(folder, {network.name: entry})
    return folder


@pytest.fixture
def caller(tmp_path: Path, model: Path) -> Iterator[Caller]:
    nowhere = f"http://127.0.0.1:{free_port()}"
    settings = {
        "KOKORO_MODEL_DIR": str(model), "KOKORO_HUB_URL": nowhere, "KOKORO_RELEASES_URL": nowhere,
        "SPEECH_ENGINES": "espeak,kokoro", "KOKORO": "1", "KOKORO_THREADS": "1",
    }  # fmt: skip
    service = Service(tmp_path, settings=settings)
    try:
        service.start()
        account = ("alice@acme.example", "--plan", "enterprise", "--credits", "1000")
        caller = Caller(service, service.manage_json("create_account", *account, "--key")["api_key"])
        with caller.http:
            yield caller
    finally:
        service.kill_everything()


def refusal(caller: Caller) -> str:
    """Why a request with Bella's voice is refused; "" when it is not."""
    answer = caller.http.post("/api/v1/tts", json={"text": "Hello.", "voice_id": BELLA})
    return str(answer.json()["error"]["message"]) if answer.status_code == 400 else ""


def test_damage_is_noticed_within_a_minute_and_so_is_the_repair(caller: Caller, model: Path) -> None:
    wait_for(lambda: refusal(caller) == "", "Bella", seconds=A_MINUTE)
    caller.wait_until_completed(caller.submit("Is anybody there?", voice_id=BELLA))
    good = (model / "model.onnx").read_bytes()

    with caller.service.standing_worker():
        waiting = caller.submit("Is anybody there?", voice_id=BELLA)
        (model / "model.onnx").write_bytes(good[:-1])
    refused = wait_for(lambda: refusal(caller), "Bella to be refused", seconds=A_MINUTE)

    reason = f"model.onnx is {len(good) - 1:,} bytes instead of {len(good):,}; run `make kokoro`"
    assert refused == f"The voice {BELLA} is not available here: {reason}."
    wait_for(lambda: caller.job(waiting)["status"] == "failed", "the waiting job to fail", seconds=A_MINUTE)
    assert caller.job(waiting)["refunded"] is True
    kinds, amounts = zip(*caller.ledger(waiting), strict=True)
    assert (kinds, sum(amounts)) == (("charge", "refund"), 0)
    caller.wait_until_completed(caller.submit("Somebody is.", voice_id=VOICE_ID))

    (model / "model.onnx").write_bytes(good)

    wait_for(lambda: refusal(caller) == "", "Bella to be accepted again", seconds=A_MINUTE)
    caller.wait_until_completed(caller.submit("Is anybody there?", voice_id=BELLA))
