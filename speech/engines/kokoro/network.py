"""Adds inputs to an ONNX export of Kokoro: how long each phoneme is and how high; and one output, their lengths.

The network computes a length for each phoneme and a pitch for each half frame on the way to the samples. Nodes behind
those two multiply them by what the new inputs say: 1 for plain speech, which changes no sample.

Works on the file's bytes in memory, without the package onnx: in this format a message that is appended to another one
of its type is merged with it, and lists go on. Two results in the file are renamed in place, so that the new nodes can
take their names. The file on disk stays as it was published.
"""

import mmap
import os
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Final

LENGTHS_INPUT: Final = "phoneme_lengths"  # (1, phonemes): factors
MELODY_INPUT: Final = "phoneme_melody"  # (1, 2, phonemes): factors of the pitch, and how much more it varies: 0
FRAMES_OUTPUT: Final = "/encoder/Gather_output_0"  # (phonemes): frames
SAMPLES_PER_FRAME: Final = 600

LENGTHS: Final = "/encoder/Div_output_0"  # before they are rounded to frames
PITCH: Final = "/encoder/F0_proj/Conv_output_0"  # (1, 1, half frames), in hertz; about 0 where there is no voice
ALIGNMENT: Final = "/encoder/Cast_4_output_0"  # (1, phonemes, frames): 1 in the frames of each phoneme
RENAMED: Final = "_"  # the last character of a renamed result

LEAST_VOICED_HERTZ: Final = 10.0  # the network's own limit

# Numbers of fields in onnx.proto, and of its types.
_GRAPH, _GRAPH_NODE, _GRAPH_INPUT, _GRAPH_OUTPUT = 7, 1, 11, 12
_NODE_INPUT, _NODE_OUTPUT, _NODE_OP_TYPE, _NODE_ATTRIBUTE = 1, 2, 4, 5
_ATTRIBUTE_NAME, _ATTRIBUTE_INT, _ATTRIBUTE_TENSOR, _ATTRIBUTE_TYPE = 1, 3, 5, 20
_TENSOR_DIMS, _TENSOR_TYPE, _TENSOR_RAW = 1, 2, 9
_VALUE_NAME, _VALUE_TYPE, _TYPE_TENSOR, _TENSOR_TYPE_ELEMENT, _TENSOR_TYPE_SHAPE = 1, 2, 1, 1, 2
_SHAPE_DIM, _DIM_VALUE, _DIM_PARAM = 1, 1, 2
_FLOAT, _INT64 = 1, 7
_ATTRIBUTE_IS_INT, _ATTRIBUTE_IS_TENSOR = 2, 4


def can_be_controlled(network: Path) -> bool:
    """Checks for the results that the new nodes need. Raises OSError."""
    with network.open("rb") as file:
        if not os.fstat(file.fileno()).st_size:  # an empty file cannot be mapped
            return False
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return all(_is_made_once(content, name) for name in (LENGTHS, PITCH, ALIGNMENT, FRAMES_OUTPUT))


def with_controls(network: Path) -> bytes:
    """Returns the network with the new inputs and the output. Raises OSError."""
    parts, start = [], 0
    with network.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for end in sorted(content.find(_made(name)) + len(_made(name)) for name in (LENGTHS, PITCH)):
            parts += [content[start : end - 1], RENAMED.encode()]
            start = end
        return b"".join([*parts, content[start:], _field(_GRAPH, _controls())])


def _is_made_once(content: mmap.mmap, name: str) -> bool:
    found = content.find(_made(name))
    return found >= 0 and content.find(_made(name), found + 1) < 0


def _made(name: str) -> bytes:
    """Returns a result's name as the node writes it that makes it."""
    return _text(_NODE_OUTPUT, name)


def _controls() -> bytes:
    """Returns the added part of the graph."""
    pitch = f"{PITCH[:-1]}{RENAMED}"
    nodes = [
        _node("Mul", [f"{LENGTHS[:-1]}{RENAMED}", LENGTHS_INPUT], LENGTHS),
        # Each phoneme's numbers in its frames, then each frame twice.
        _node("MatMul", [MELODY_INPUT, ALIGNMENT], "melody_frames"),
        _constant("melody_axis", [3], [1]),
        _node("Unsqueeze", ["melody_frames", "melody_axis"], "melody_column"),
        _node("Concat", ["melody_column", "melody_column"], "melody_pairs", axis=3),
        _constant("melody_shape", [1, 2, -1], [3]),
        _node("Reshape", ["melody_pairs", "melody_shape"], "melody"),
        _constant("melody_first", [0], [1]),
        _constant("melody_second", [1], [1]),
        _node("Gather", ["melody", "melody_first"], "melody_pitch", axis=1),
        _node("Gather", ["melody", "melody_second"], "melody_range", axis=1),
        # How far the pitch is from its mean, where there is a voice.
        _constant("least_voiced", [LEAST_VOICED_HERTZ], []),
        _node("Greater", [pitch, "least_voiced"], "is_voiced"),
        _node("Cast", ["is_voiced"], "voiced", to=_FLOAT),
        _node("Mul", [pitch, "voiced"], "voiced_pitch"),
        _node("ReduceSum", ["voiced_pitch"], "voiced_sum"),
        _node("ReduceSum", ["voiced"], "voiced_count"),
        _constant("one", [1.0], []),
        _node("Max", ["voiced_count", "one"], "voiced_divisor"),
        _node("Div", ["voiced_sum", "voiced_divisor"], "mean_pitch"),
        _node("Sub", [pitch, "mean_pitch"], "distance"),
        _node("Mul", ["distance", "voiced"], "voiced_distance"),
        _node("Mul", ["voiced_distance", "melody_range"], "added_distance"),
        _node("Add", [pitch, "added_distance"], "ranged_pitch"),
        _node("Mul", ["ranged_pitch", "melody_pitch"], PITCH),
    ]
    return b"".join(
        [
            *(_field(_GRAPH_NODE, node) for node in nodes),
            _field(_GRAPH_INPUT, _value(LENGTHS_INPUT, _FLOAT, [1, "phonemes"])),
            _field(_GRAPH_INPUT, _value(MELODY_INPUT, _FLOAT, [1, 2, "phonemes"])),
            _field(_GRAPH_OUTPUT, _value(FRAMES_OUTPUT, _INT64, ["phonemes"])),
        ]
    )


def _node(operator: str, inputs: list[str], output: str, **attributes: int) -> bytes:
    written = [
        _text(_ATTRIBUTE_NAME, name) + _number(_ATTRIBUTE_INT, value) + _number(_ATTRIBUTE_TYPE, _ATTRIBUTE_IS_INT)
        for name, value in attributes.items()
    ]
    return b"".join(
        [
            *(_text(_NODE_INPUT, name) for name in inputs),
            _text(_NODE_OUTPUT, output),
            _text(_NODE_OP_TYPE, operator),
            *(_field(_NODE_ATTRIBUTE, attribute) for attribute in written),
        ]
    )


def _constant(output: str, values: list[int] | list[float], shape: list[int]) -> bytes:
    is_whole = isinstance(values[0], int)
    raw = struct.pack(f"<{len(values)}{'q' if is_whole else 'f'}", *values)
    tensor = b"".join(_number(_TENSOR_DIMS, size) for size in shape)
    tensor += _number(_TENSOR_TYPE, _INT64 if is_whole else _FLOAT) + _field(_TENSOR_RAW, raw)
    attribute = _text(_ATTRIBUTE_NAME, "value") + _field(_ATTRIBUTE_TENSOR, tensor)
    attribute += _number(_ATTRIBUTE_TYPE, _ATTRIBUTE_IS_TENSOR)
    return _text(_NODE_OUTPUT, output) + _text(_NODE_OP_TYPE, "Constant") + _field(_NODE_ATTRIBUTE, attribute)


def _value(name: str, element: int, shape: Iterable[int | str]) -> bytes:
    dims = [_number(_DIM_VALUE, size) if isinstance(size, int) else _text(_DIM_PARAM, size) for size in shape]
    tensor = _number(_TENSOR_TYPE_ELEMENT, element)
    tensor += _field(_TENSOR_TYPE_SHAPE, b"".join(_field(_SHAPE_DIM, dim) for dim in dims))
    return _text(_VALUE_NAME, name) + _field(_VALUE_TYPE, _field(_TYPE_TENSOR, tensor))


# --- protobuf: https://protobuf.dev/programming-guides/encoding/ ------------------------------------------------------


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _text(number: int, text: str) -> bytes:
    return _field(number, text.encode())


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _varint(value: int) -> bytes:
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*written, value])
