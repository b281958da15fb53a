"""Kokoro-82M (hexgrad, Apache-2.0): natural voices in nine languages, on this machine.

Other packages use `engine`. `voices` is the table of voices, `files` defines the files in the model folder, `chunks`
splits texts, `g2p` converts them to phonemes, `phonemes` converts these to numbers, `runtimes` runs the model in ONNX
Runtime or PyTorch, and `deterministic_noise` makes its output repeatable. `installer` fetches the files: `sources`
lists them, `places`, `packages` and `hub` are where they come from, `progress` reports the progress, and `processor`
chooses the model for this machine. Large packages are not imported before speech is requested.
"""

from speech.engines.kokoro.engine import KokoroEngine

__all__ = ["KokoroEngine"]
