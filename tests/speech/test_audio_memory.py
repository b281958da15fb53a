"""Encoding holds a bounded amount of memory, whatever the length of the audio and the number of encoders."""

import subprocess
import sys

import pytest

# Run in a process of its own, so that the high-water mark is the encoder's and no other test's.
MEASURE_PEAK_MEMORY = """
import resource, sys
from speech.audio.encoder import Encoder
from speech.audio.formats import Encoding

def peak_bytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

{script}
"""

LONG_AUDIO = """
second = bytes(range(250)) * 64
def encode(seconds):
    with Encoder(Encoding({encoding}), input_rate_hertz=8000, streaming={streaming}) as encoder:
        for _ in range(seconds):
            encoder.feed(second)
        encoder.close()
encode(10)
before = peak_bytes()
encode({seconds})
print(peak_bytes() - before)
"""

MANY_ENCODERS = """
def abort(count):
    aborted = []  # still referenced, as by the traceback of the error that ended them
    for _ in range(count):
        with Encoder(Encoding({encoding}), input_rate_hertz=22050, streaming=True) as encoder:
            encoder.feed(bytes(4410))
        aborted.append(encoder)
abort(20)
before = peak_bytes()
abort(200)
print(peak_bytes() - before)
"""


def peak_memory_growth_bytes(script: str) -> int:
    command = [sys.executable, "-c", MEASURE_PEAK_MEMORY.format(script=script)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@pytest.mark.parametrize(
    ("encoding", "streaming", "seconds"),
    [
        ("'wav', 8000, None, 1", True, 1200),  # 19 MB of PCM
        ("'wav', 48000, None, 1", False, 1200),  # 115 MB of WAV
        ("'mp3', 8000, 64, 1", True, 600),  # 4.8 MB of MP3
        ("'ogg_opus', 8000, 256, 1", False, 300),  # 9.6 MB of Ogg
        ("'flac', 8000, None, 1", True, 600),
        ("'aac', 8000, 48, 1", True, 600),
    ],
)
def test_memory_does_not_grow_with_the_audio(encoding: str, streaming: bool, seconds: int) -> None:
    script = LONG_AUDIO.format(encoding=encoding, streaming=streaming, seconds=seconds)

    assert peak_memory_growth_bytes(script) < 2_000_000


@pytest.mark.parametrize("encoding", ["'mp3', 24000, 64, 1", "'ogg_opus', 48000, 64, 1", "'aac', 24000, 96, 1"])
def test_aborted_encoders_hold_no_memory(encoding: str) -> None:
    assert peak_memory_growth_bytes(MANY_ENCODERS.format(encoding=encoding)) < 2_000_000
