"""Makes an ONNX export of Kokoro deterministic: the same request gives the same audio.

The network adds noise to breathy sounds, and some exports draw random noise at every run: a seed fixes only the first.
Here the drawing nodes are replaced by noise computed from the position in the audio. The rewritten network is a file
beside the original, which stays as published.

The int8 network that is installed by default draws no noise, so it is loaded unchanged and without the package onnx.
"""

import importlib
import importlib.util
import logging
import mmap
import os
from pathlib import Path
from typing import Any, Final

from speech.engines.kokoro import files

logger = logging.getLogger(__name__)

DRAWS: Final = {"RandomUniformLike", "RandomNormalLike", "RandomUniform", "RandomNormal"}
DRAW_MARKS: Final = (b"RandomUniform", b"RandomNormal")


def network_to_load(folder: Path) -> Path:
    """Returns the path of the network or, if it draws noise, of its rewritten copy, made here unless it is up to date.

    Raises OSError if the network cannot be read. If no copy can be made, returns the original: better than no speech.
    """
    source = folder / files.ONNX_FILE
    if not draws_noise(source):
        return source
    target, sha256 = folder / files.DETERMINISTIC_FILE, files.compute_sha256(source)
    entry = files.manifest(folder).get(target.name)
    if entry is not None and entry.get("made_from") == sha256 and _is_intact(target, entry):
        return target
    if importlib.util.find_spec("onnx") is None:
        logger.warning("%s draws noise, so the same text does not sound the same twice: that needs onnx", source)
        return source
    try:
        make_noise_deterministic(source, target)
        made = files.entry_for(target, files.compute_sha256(target), place=source.name) | {"made_from": sha256}
        files.write_manifest(folder, files.manifest(folder) | {target.name: made})
    except OSError as error:
        logger.warning("%s cannot be written, so the same text does not sound the same twice: %s", target, error)
        return source
    return target


def draws_noise(network: Path) -> bool:
    """Checks for the names of the operators, which this file format stores as text. Raises OSError."""
    with network.open("rb") as file:
        if not os.fstat(file.fileno()).st_size:  # an empty file cannot be mapped
            return False
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return any(content.find(mark) >= 0 for mark in DRAW_MARKS)


def _is_intact(path: Path, entry: files.Entry) -> bool:
    return path.is_file() and path.stat().st_size == entry["bytes"] and files.compute_sha256(path) == entry["sha256"]


def make_noise_deterministic(source: Path, target: Path) -> int:
    """Writes the network without random noise; `target` may be `source`. Returns how many nodes were replaced."""
    onnx: Any = importlib.import_module("onnx")
    model = onnx.load(str(source))
    nodes, replaced = [], 0
    for node in model.graph.node:
        if node.op_type in ("RandomUniformLike", "RandomNormalLike"):
            nodes += _computed(onnx, node, f"repeatable_{replaced}")
            replaced += 1
        elif node.op_type in DRAWS:
            nodes += _computed_of_shape(onnx, node, f"repeatable_{replaced}")
            replaced += 1
        else:
            nodes.append(node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    files.write_atomically(target, model.SerializeToString())
    return replaced


def _computed_of_shape(onnx: Any, node: Any, name: str) -> list[Any]:
    """Returns the nodes for a draw of a fixed shape: zeros of that shape, then the nodes for a draw like them."""
    shape = next(attribute.ints for attribute in node.attribute if attribute.name == "shape")
    zeros = onnx.helper.make_tensor(f"{name}_zeros", onnx.TensorProto.FLOAT, list(shape), [0.0] * _product(shape))
    like = onnx.helper.make_node("Constant", [], [f"{name}_like"], value=zeros)
    twin = onnx.helper.make_node(f"{node.op_type}Like", [f"{name}_like"], list(node.output))
    twin.attribute.extend(attribute for attribute in node.attribute if attribute.name not in ("shape", "dtype"))
    return [like, *_computed(onnx, twin, name)]


def _computed(onnx: Any, node: Any, name: str) -> list[Any]:
    """Returns nodes that compute frac(sin(i × 12.9898) × 43758.5453) for element i: uniform enough, always the same.

    For a normal distribution, they apply the Box-Muller transform to two such numbers.
    """
    helper, like, output = onnx.helper, node.input[0], node.output[0]
    given = {attribute.name: attribute.f for attribute in node.attribute if attribute.name in _DEFAULTS}
    value = _DEFAULTS | given
    made: list[Any] = []

    def constant(number: float, kind: Any = onnx.TensorProto.FLOAT, shape: tuple[int, ...] = ()) -> str:
        result = f"{name}_c{len(made)}"
        tensor = helper.make_tensor(result, kind, shape, [number])
        made.append(helper.make_node("Constant", [], [result], value=tensor))
        return result

    def apply(operator: str, *inputs: str, **attributes: Any) -> str:
        result = f"{name}_n{len(made)}"
        made.append(helper.make_node(operator, list(inputs), [result], **attributes))
        return result

    shape = apply("Shape", like)
    count = apply("Size", like)
    integer = onnx.TensorProto.INT64
    index = apply("Cast", apply("Range", constant(0, integer), count, constant(1, integer)), to=onnx.TensorProto.FLOAT)

    def uniform(step: float) -> str:
        hashed = apply("Mul", apply("Sin", apply("Mul", index, constant(step))), constant(43758.5453))
        return apply("Sub", hashed, apply("Floor", hashed))

    if "Uniform" in node.op_type:
        spread = apply("Mul", uniform(12.9898), constant(value["high"] - value["low"]))
        flat = apply("Add", spread, constant(value["low"]))
    else:
        radius = apply(
            "Sqrt", apply("Mul", apply("Log", apply("Max", uniform(12.9898), constant(1e-7))), constant(-2.0))
        )
        angle = apply("Cos", apply("Mul", uniform(78.233), constant(6.283185307)))
        scaled = apply("Mul", apply("Mul", radius, angle), constant(value["scale"]))
        flat = apply("Add", scaled, constant(value["mean"]))
    made.append(helper.make_node("Reshape", [flat, shape], [output]))
    return made


_DEFAULTS: Final = {"low": 0.0, "high": 1.0, "mean": 0.0, "scale": 1.0}


def _product(shape: Any) -> int:
    product = 1
    for size in shape:
        product *= size
    return product
