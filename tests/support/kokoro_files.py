"""Kokoro's files, made up: the true architecture with weights of ours, where the hub is away.

    checkpoint(folder, small=True)     config.json and kokoro-v1_0.pth (needs torch and kokoro)
    tone_model(folder)                 model.onnx that sounds a tone for each phoneme (needs onnx)
    packs(folder)                      voices/*.bin

python -m tests.support.kokoro_files FOLDER    the full size, exported, with 76 ms a phoneme: what `make bench-stream`
wants
"""

import json
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from speech.engines.kokoro.files import PACK_SHAPE
from speech.engines.kokoro.phonemes import VOCABULARY
from speech.engines.kokoro.voices import RATE_HERTZ, engine_voices

PHONEME_SECONDS = 0.076  # what the true weights take on average
FRAME_SECONDS = 600 / RATE_HERTZ  # the network's unit of duration: 25 ms
TONE_SAMPLES = 1800  # a phoneme of the tone model: 75 ms

# Published with the checkpoint (hexgrad/Kokoro-82M, config.json).
CONFIG: dict[str, Any] = {
    "istftnet": {
        "upsample_kernel_sizes": [20, 12], "upsample_rates": [10, 6], "gen_istft_hop_size": 5, "gen_istft_n_fft": 20,
        "resblock_dilation_sizes": [[1, 3, 5]] * 3, "resblock_kernel_sizes": [3, 7, 11],
        "upsample_initial_channel": 512,
    },
    "dim_in": 64, "dropout": 0.2, "hidden_dim": 512, "max_conv_dim": 512, "max_dur": 50, "multispeaker": True,
    "n_layer": 3, "n_mels": 80, "n_token": 178, "style_dim": 128, "text_encoder_kernel_size": 5,
    "plbert": {
        "hidden_size": 768, "num_attention_heads": 12, "intermediate_size": 2048, "max_position_embeddings": 512,
        "num_hidden_layers": 12, "dropout": 0.1,
    },
    "vocab": VOCABULARY,
}  # fmt: skip


def checkpoint(folder: Path, *, small: bool) -> None:
    """Random weights, seeded, whose durations are PHONEME_SECONDS at a speed of 1. The network is of the true size.

    `small`: all weights are views of one storage, so that the file has under a megabyte.
    """
    import torch
    from kokoro.model import KModel

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(CONFIG))
    torch.manual_seed(0)
    empty = folder / "empty.pth"
    torch.save({}, empty)
    model = KModel(repo_id="local", config=str(folder / "config.json"), model=str(empty))
    empty.unlink()
    # The duration of a phoneme is the sum of max_dur sigmoids, in frames: all alike, it is max_dur x sigmoid(bias).
    share = PHONEME_SECONDS / FRAME_SECONDS / CONFIG["max_dur"]
    fixed = {
        "predictor.duration_proj.linear_layer.weight": 0.0,
        "predictor.duration_proj.linear_layer.bias": float(np.log(share / (1 - share))),
    }
    shared = torch.randn(100_000) * 0.02
    parts: dict[str, dict[str, Any]] = {}
    for number, (key, weights) in enumerate(model.named_parameters()):
        part, _, name = key.partition(".")
        value = weights.detach()
        if key in fixed:
            value = torch.full_like(value, fixed[key])
        elif small and value.ndim > 1:
            value = shared.as_strided(value.shape, (1,) * value.ndim, 37 * number)
        parts.setdefault(part, {})[f"module.{name}"] = value
    torch.save(parts, folder / "kokoro-v1_0.pth")


def packs(folder: Path, names: Collection[str] = ()) -> None:
    """Voice packs of the true shape; all 54 unless named."""
    (folder / "voices").mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    for name in names or engine_voices():
        pack = random.normal(0.0, 0.1, PACK_SHAPE).astype("<f4")
        pack.tofile(folder / "voices" / f"{name}.bin")


def tone_model(folder: Path, *, silent: bool = False, broken: bool = False, foreign: bool = False) -> None:
    """An ONNX network with Kokoro's inputs and outputs: TONE_SAMPLES of a tone for each phoneme, divided by the speed,
    its loudness by the style. `silent`: it makes no sound; `broken`: it makes numbers that are none; `foreign`: another
    network.
    """
    import onnx
    from onnx import TensorProto, helper

    folder.mkdir(parents=True, exist_ok=True)
    names = ("text", "style", "speed") if foreign else ("input_ids", "style", "speed")
    inputs = [
        helper.make_tensor_value_info(names[0], TensorProto.INT64, ["batch", "length"]),
        helper.make_tensor_value_info(names[1], TensorProto.FLOAT, [1, 256]),
        helper.make_tensor_value_info(names[2], TensorProto.FLOAT, [1]),
    ]
    outputs = [helper.make_tensor_value_info("waveform", TensorProto.FLOAT, [1, "samples"])]
    level = 0.0 if silent else float("nan") if broken else 0.5

    def constant(name: str, value: float, kind: int = TensorProto.FLOAT) -> Any:
        tensor = helper.make_tensor(name, kind, (), [value])
        return helper.make_node("Constant", [], [name], value=tensor)

    nodes = [
        constant("per_phoneme", float(TONE_SAMPLES)),
        constant("zero", 0, TensorProto.INT64),
        constant("one", 1, TensorProto.INT64),
        constant("step", 2 * np.pi * 220 / RATE_HERTZ),
        constant("level", level),
        helper.make_node("Size", [names[0]], ["count"]),
        helper.make_node("Cast", ["count"], ["count_float"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["count_float", "per_phoneme"], ["normal"]),
        helper.make_node("Div", ["normal", names[2]], ["paced"]),
        helper.make_node("Cast", ["paced"], ["paced_whole"], to=TensorProto.INT64),
        helper.make_node("Squeeze", ["paced_whole"], ["samples"]),
        helper.make_node("Range", ["zero", "samples", "one"], ["index"]),
        helper.make_node("Cast", ["index"], ["index_float"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["index_float", "step"], ["phase"]),
        helper.make_node("Sin", ["phase"], ["sine"]),
        helper.make_node("Mul", ["sine", "level"], ["loud"]),
        helper.make_node("Unsqueeze", ["loud", "axis"], ["waveform"]),
    ]
    axis = helper.make_tensor("axis", TensorProto.INT64, (1,), [0])
    graph = helper.make_graph(nodes, "tones", inputs, outputs, initializer=[axis])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.save(model, str(folder / "model.onnx"))


def main(folder: Path) -> int:
    from speech.engines.kokoro.export import export_onnx

    checkpoint(folder, small=False)
    deviation = export_onnx(folder / "config.json", folder / "kokoro-v1_0.pth", folder / "model.onnx")
    packs(folder)
    print(f"{folder}: {(folder / 'model.onnx').stat().st_size / 1e6:.0f} MB, deviation {deviation:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
