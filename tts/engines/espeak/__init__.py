"""eSpeak NG, the embedded engine: no network, no accelerator, first samples within milliseconds.

`engine` is what the rest of the house uses. `child` is a program of its own that holds the library,
`process` one running child, `pool` several of them, `voices` the table of voices, `pace` the arithmetic
of speed.
"""

from tts.engines.espeak.engine import EspeakEngine

__all__ = ["EspeakEngine"]
