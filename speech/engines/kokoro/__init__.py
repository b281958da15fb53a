"""Kokoro-82M (hexgrad, Apache-2.0): natural voices in nine languages, on this machine.

`engine` is what the rest of the house uses. `voices` is the table of voices, `files` says what must lie where, `chunks`
cuts texts, `g2p` turns them into phonemes, `phonemes` these into numbers, `runtimes` the model in ONNX Runtime or
PyTorch, `deterministic_noise` makes it repeatable. `installer` brings the files: `sources` says what they must be,
`places`, `packages` and `hub` are where they come from, `progress` is how far it is, `processor` which model suits this
machine. Nothing heavy is imported before something is to be spoken.
"""

from speech.engines.kokoro.engine import KokoroEngine

__all__ = ["KokoroEngine"]
