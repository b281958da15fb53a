"""eSpeak NG, the embedded engine: no network, no accelerator, first samples within milliseconds.

`engine` is what the rest of the house uses. `child` is a program of its own that holds the library,
`process` one running child, `pool` several of them, `languages` and `voices` the tables, `markup` SSML as the library
understands it, `text` what the library must not see, `pace` the arithmetic of speed.
"""

from speech.engines.espeak.engine import EspeakEngine

__all__ = ["EspeakEngine"]
