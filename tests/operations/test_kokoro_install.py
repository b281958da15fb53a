"""Fetching Kokoro from a hub of our own that speaks the real one's protocol, and making what came repeatable."""

import hashlib
import http.server
import io
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from django.core.management import CommandError, call_command
from onnx import TensorProto, helper

from speech.engines.kokoro import KokoroEngine, files, hub
from speech.engines.kokoro.deterministic_noise import make_noise_deterministic
from speech.engines.kokoro.voices import engine_voices
from tests.support import kokoro_files
from tests.support.ports import free_port
from voices.models import Voice

RESOLVED = f"/resolved/{hub.ONNX_REPOSITORY}/resolve/{hub.REVISIONS[hub.ONNX_REPOSITORY]}/voices/{{}}.bin"


class Hub:
    """`resolve` URLs redirect to a storage, HEAD tells the SHA-256 of a large file, and the storage answers Range."""

    def __init__(self, contents: dict[str, bytes]) -> None:
        self.contents = contents
        self.asked: list[tuple[str, str, str]] = []  # method, path, Range
        self.cut_after: dict[str, int] = {}  # path: bytes, once
        self.lies: set[str] = set()
        hub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                self.answer(is_head=True)

            def do_GET(self) -> None:
                self.answer(is_head=False)

            def answer(self, *, is_head: bool) -> None:
                hub.asked.append((self.command, self.path, self.headers.get("Range", "")))
                match = re.fullmatch(r"/(resolved/)?([\w.-]+/[\w.-]+)/resolve/[0-9a-f]{40}/(.+)", self.path)
                body = hub.contents.get(match[3]) if match else None
                if match is None or body is None:
                    self.send_error(404)
                    return
                if not match[1]:
                    self.send_response(302)
                    digest = hashlib.sha256(b"other" if match[3] in hub.lies else body).hexdigest()
                    self.send_header("X-Linked-Etag", f'"{digest}"')
                    self.send_header("Location", f"/resolved{self.path}")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
                first = int(wanted[1]) if wanted else 0
                if first >= len(body):
                    self.send_error(416)
                    return
                self.send_response(206 if wanted else 200)
                self.send_header("Content-Length", str(len(body) - first))
                self.end_headers()
                end = hub.cut_after.pop(match[3], len(body))
                self.wfile.write(body[first:end])
                if end < len(body):
                    self.close_connection = True

            def log_message(self, *arguments: Any) -> None:
                """Quiet."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def model_hub(tmp_path: Path, settings: Any) -> Iterator[Hub]:
    source = tmp_path / "source"
    kokoro_files.tone_model(source)
    kokoro_files.packs(source)
    contents = {"onnx/model.onnx": (source / "model.onnx").read_bytes()}
    contents |= {f"voices/{name}.bin": (source / "voices" / f"{name}.bin").read_bytes() for name in engine_voices()}
    hub = Hub(contents)
    settings.KOKORO_HUB_URL = hub.url
    settings.KOKORO_MODEL_DIR = tmp_path / "kokoro"
    settings.SPEECH_ENGINES = {"kokoro": "speech.engines.kokoro.KokoroEngine"}
    yield hub
    hub.close()


def install(*options: str) -> dict[str, Any]:
    output = io.StringIO()
    call_command("kokoro_install", "--json", *options, stdout=output)
    report: dict[str, Any] = json.loads(output.getvalue())
    return report


def test_model_and_voices_are_fetched_once_and_speak(db: None, model_hub: Hub, settings: Any):
    assert install()["fetched"] == 55
    assert KokoroEngine().unavailable_reason() == ""
    KokoroEngine().warm_up()
    assert Voice.objects.filter(provider="kokoro", unavailable_reason="").count() == 54
    manifest = files.manifest()
    pack = model_hub.contents["voices/af_bella.bin"]
    assert manifest["voices/af_bella.bin"]["sha256"] == hashlib.sha256(pack).hexdigest()
    assert manifest["model.onnx"]["sha256"] == files.compute_sha256(settings.KOKORO_MODEL_DIR / "model.onnx")
    model_hub.asked.clear()
    assert install()["fetched"] == 0
    assert model_hub.asked == []
    assert list(settings.KOKORO_MODEL_DIR.rglob("*.part")) == []


def test_a_download_that_breaks_off_goes_on_where_it_did(db: None, model_hub: Hub):
    model_hub.cut_after = {"voices/af_bella.bin": 200_000}
    install()
    ranges = [
        given
        for method, path, given in model_hub.asked
        if "resolved" in path and "af_bella" in path and method == "GET"
    ]
    assert ranges == ["", "bytes=200000-"]
    assert files.pack_path("af_bella").read_bytes() == model_hub.contents["voices/af_bella.bin"]


def test_what_an_earlier_run_fetched_is_not_fetched_again(db: None, model_hub: Hub, settings: Any):
    part = settings.KOKORO_MODEL_DIR / "voices" / "af_alloy.bin.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(model_hub.contents["voices/af_alloy.bin"][:100_000])
    install()
    assert ("GET", RESOLVED.format("af_alloy"), "bytes=100000-") in model_hub.asked
    assert files.pack_path("af_alloy").read_bytes() == model_hub.contents["voices/af_alloy.bin"]


def test_a_file_that_is_not_what_the_hub_says_is_refused(db: None, model_hub: Hub, settings: Any):
    model_hub.lies = {"onnx/model.onnx"}
    with pytest.raises(CommandError, match="is corrupted"):
        install()
    assert list(settings.KOKORO_MODEL_DIR.glob("model*")) == []
    assert KokoroEngine().unavailable_reason() != ""


def test_the_checkpoint_is_pinned_whatever_the_hub_says(db: None, model_hub: Hub, settings: Any):
    settings.KOKORO_RUNTIME = "torch"
    model_hub.contents |= {"config.json": b"{}", "kokoro-v1_0.pth": b"another checkpoint"}
    with pytest.raises(CommandError, match="496dba118d1a58f5f3db2efc88dbdc216e0483fc89fe6e47ee1f2c53f18ad1e4"):
        install()
    assert not (settings.KOKORO_MODEL_DIR / "kokoro-v1_0.pth").exists()


def test_a_hub_out_of_reach_is_said_in_one_sentence(db: None, settings: Any, tmp_path: Path):
    settings.KOKORO_HUB_URL = f"http://127.0.0.1:{free_port()}"
    settings.KOKORO_MODEL_DIR = tmp_path / "kokoro"
    with pytest.raises(CommandError, match=r"The hub cannot be reached .* Run this command again, or copy"):
        install()
    assert not list((tmp_path / "kokoro").glob("*.onnx"))


def test_a_file_that_the_hub_does_not_have_is_named(db: None, model_hub: Hub):
    del model_hub.contents["voices/zm_yunyang.bin"]
    with pytest.raises(CommandError, match=r"The hub returned 404 for .*zm_yunyang\.bin"):
        install()


def test_the_files_are_those_of_54_voices():
    assert len(hub.INSTALLS["onnx"]) == 55
    assert len(hub.INSTALLS["torch"]) == 56


# --- the same request, the same audio ------------------------------------------------------------


def draws(path: Path) -> None:
    """A network that adds noise: uniform, normal and of a fixed shape, as Kokoro's export does."""
    nodes = [
        helper.make_node("RandomUniformLike", ["x"], ["uniform"], low=-1.0, high=3.0),
        helper.make_node("RandomNormalLike", ["x"], ["normal"], mean=2.0, scale=0.5),
        helper.make_node("RandomUniform", [], ["fixed"], shape=[1, 9]),
    ]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["a", "b"])]
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("uniform", "normal", "fixed")]
    model = helper.make_model(
        helper.make_graph(nodes, "draws", inputs, outputs), opset_imports=[helper.make_opsetid("", 17)]
    )
    model.ir_version = 8
    onnx.save(model, str(path))


def test_a_network_that_draws_noise_says_the_same_every_time(tmp_path: Path):
    path = tmp_path / "model.onnx"
    draws(path)
    x = {"x": np.zeros((3, 20_000), dtype=np.float32)}
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    assert not np.array_equal(session.run(None, x)[0], session.run(None, x)[0])

    assert make_noise_deterministic(path, path) == 3

    runs = [onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, x) for _ in range(2)]
    for once, again in zip(*runs, strict=True):
        assert np.array_equal(once, again)
    uniform, normal, fixed = runs[0]
    assert uniform.shape == normal.shape == (3, 20_000) and fixed.shape == (1, 9)
    assert (uniform.min() >= -1, uniform.max() <= 3, abs(uniform.mean() - 1) < 0.03) == (True, True, True)
    assert abs(normal.mean() - 2) < 0.02 and abs(normal.std() - 0.5) < 0.02
    # Noise, and no tone: what comes next does not follow from what came.
    centred = normal.ravel() - normal.mean()
    assert abs(np.corrcoef(centred[:-1], centred[1:])[0, 1]) < 0.05
