"""eSpeak NG, the embedded engine: no network, no accelerator, first samples within milliseconds.

Other packages use `engine`. `child` is a separate program that loads the library, `process` is one running child,
`pool` manages several of them, `languages` and `voices` are the tables, `markup` renders SSML for the library, `text`
cleans text for it, and `pace` computes the speed.
"""

from speech.engines.espeak.engine import EspeakEngine

__all__ = ["EspeakEngine"]
