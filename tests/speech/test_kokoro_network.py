"""The inputs that are added to a network, with a small one that has Kokoro's results."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

from speech.engines.kokoro import network
from tests.support.real_kokoro import model_dir_or_skip

LENGTHS = [2.0, 4.0, 3.0]  # frames of each phoneme, before they are rounded


def small_network(path: Path, *, without: str = "") -> None:
    """A network of three phonemes. Its pitch is 100 and 200 Hz by turns, 0 in the last two half frames."""
    made = {
        network.LENGTHS: ["lengths", "speed"],
        "rounded": [network.LENGTHS],
        network.FRAMES_OUTPUT: ["rounded"],
        network.ALIGNMENT: ["given_alignment"],
        network.PITCH: ["given_pitch", "speed"],
        "audio": [network.PITCH],
    }
    operators = dict(zip(made, ("Div", "Round", "Cast", "Identity", "Div", "Identity"), strict=True))
    nodes = [
        helper.make_node(operators[name], inputs, [name.replace(without, "x") if without else name])
        for name, inputs in made.items()
    ]
    next(node for node in nodes if node.op_type == "Cast").attribute.append(
        helper.make_attribute("to", TensorProto.INT64)
    )
    alignment = np.repeat(np.eye(3, dtype=np.float32), [2, 4, 3], axis=1)
    pitch = np.array([100.0, 200.0] * 8 + [0.0, 0.0], dtype=np.float32)
    given = {
        "lengths": np.array(LENGTHS, dtype=np.float32),
        "given_alignment": alignment[None],
        "given_pitch": pitch[None, None],
    }
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("speed", TensorProto.FLOAT, [1])],
        [helper.make_tensor_value_info("audio", TensorProto.FLOAT, None)],
        initializer=[onnx.numpy_helper.from_array(value, name) for name, value in given.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.save(model, str(path))


def run(path: Path, *, lengths: list[float], pitches: list[float], ranges: list[float]) -> list[NDArray[np.float32]]:
    session = onnxruntime.InferenceSession(network.with_controls(path), providers=["CPUExecutionProvider"])
    feed = {
        "speed": np.array([1.0], dtype=np.float32),
        network.LENGTHS_INPUT: np.array([lengths], dtype=np.float32),
        network.MELODY_INPUT: np.array([[pitches, ranges]], dtype=np.float32),
    }
    found: list[NDArray[np.float32]] = session.run(["audio", network.FRAMES_OUTPUT], feed)
    return [values.reshape(-1) for values in found]


def test_each_phoneme_has_its_own_length_and_pitch(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    small_network(path)
    before = path.read_bytes()
    pitch, frames = run(path, lengths=[1, 1, 1], pitches=[1, 1, 1], ranges=[0, 0, 0])
    assert (pitch.tolist(), frames.tolist()) == ([100.0, 200.0] * 8 + [0.0, 0.0], [2, 4, 3])
    pitch, frames = run(path, lengths=[2, 1, 0.5], pitches=[1, 2, 0.5], ranges=[0, 0, 0])
    assert frames.tolist() == [4, 4, 2]
    assert pitch.tolist() == [100.0, 200.0] * 2 + [200.0, 400.0] * 4 + [50.0, 100.0] * 2 + [0.0, 0.0]
    assert path.read_bytes() == before


def test_a_range_is_around_the_mean_of_the_voiced_sounds(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    small_network(path)
    pitch, _ = run(path, lengths=[1, 1, 1], pitches=[1, 1, 1], ranges=[0, -0.5, 0.5])
    assert pitch.tolist() == [100.0, 200.0] * 2 + [125.0, 175.0] * 4 + [75.0, 225.0] * 2 + [0.0, 0.0]


@pytest.mark.parametrize("missing", [network.LENGTHS, network.PITCH, network.ALIGNMENT, network.FRAMES_OUTPUT])
def test_a_network_without_one_of_the_results_has_no_controls(tmp_path: Path, missing: str) -> None:
    path = tmp_path / "model.onnx"
    small_network(path)
    assert network.can_be_controlled(path)
    small_network(path, without=missing)
    assert not network.can_be_controlled(path)
    path.write_bytes(b"")
    assert not network.can_be_controlled(path)


def test_the_installed_network_has_controls() -> None:
    assert network.can_be_controlled(model_dir_or_skip() / "model.onnx")
