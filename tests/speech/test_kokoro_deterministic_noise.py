"""The same request, the same audio: networks that draw noise are loaded from a copy that does not."""

import hashlib
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from speech.engines.kokoro import files
from speech.engines.kokoro.deterministic_noise import draws_noise, make_noise_deterministic, network_to_load
from tests.support import kokoro_files


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


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_published_file_stays_as_it_is_and_a_copy_is_loaded(tmp_path: Path):
    source, copy = tmp_path / files.ONNX_FILE, tmp_path / files.DETERMINISTIC_FILE
    draws(source)
    published = source.read_bytes()

    assert network_to_load(tmp_path) == copy

    assert source.read_bytes() == published
    assert (draws_noise(source), draws_noise(copy)) == (True, False)
    assert files.manifest(tmp_path)[copy.name]["made_from"] == sha256(source)
    made_at = copy.stat().st_mtime_ns
    assert network_to_load(tmp_path) == copy
    assert copy.stat().st_mtime_ns == made_at


@pytest.mark.parametrize("damage", ["source changed", "copy changed", "copy removed"])
def test_the_copy_is_made_again_when_it_is_not_of_this_very_file(tmp_path: Path, damage: str):
    source, copy = tmp_path / files.ONNX_FILE, tmp_path / files.DETERMINISTIC_FILE
    draws(source)
    network_to_load(tmp_path)
    good = copy.read_bytes()
    match damage:
        case "source changed":
            model = onnx.load(str(source))
            model.doc_string = "another one"
            onnx.save(model, str(source))
        case "copy changed":
            copy.write_bytes(bytes(len(good)))
        case _:
            copy.unlink()

    assert network_to_load(tmp_path) == copy

    assert (copy.read_bytes() == good) is (damage != "source changed")
    assert files.manifest(tmp_path)[copy.name]["made_from"] == sha256(source)
    assert onnx.load(str(copy)).doc_string == ("another one" if damage == "source changed" else "")


def test_a_network_that_draws_nothing_is_loaded_as_it_is(tmp_path: Path):
    kokoro_files.tone_model(tmp_path)
    assert network_to_load(tmp_path) == tmp_path / files.ONNX_FILE
    assert [path.name for path in tmp_path.iterdir()] == [files.ONNX_FILE]


def test_without_the_package_onnx_the_original_is_loaded_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    draws(tmp_path / files.ONNX_FILE)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert network_to_load(tmp_path) == tmp_path / files.ONNX_FILE
    assert "draws noise, so the same text does not sound the same twice" in caplog.text
