"""Kokoro-82M (hexgrad, Apache-2.0): natural voices in nine languages, on this machine.

`engine` is what the rest of the house uses. `voices` is the table of voices, `files` says what must lie where, `chunks`
cuts texts, `g2p` turns them into phonemes, `phonemes` these into numbers, `runtimes` the model in ONNX Runtime or
PyTorch, `hub` and `deterministic_noise` serve the installation. Nothing heavy is imported before something is to be
spoken.
"""

from speech.engines.kokoro.engine import KokoroEngine

__all__ = ["KokoroEngine"]
