"""The service's settings with an engine that speaks at a natural voice's pace: see `bench.paced`."""

from config.settings import *  # noqa: F403

SPEECH_ENGINES = {"espeak": "bench.paced.PacedEngine"}
