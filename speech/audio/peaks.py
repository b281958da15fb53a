"""The loudness of a piece of audio over its time, as few numbers: what a waveform is drawn from.

Gathered while the samples pass by, so that nobody has to decode the stored audio for a picture of it.
"""

from typing import Final

MAX_PEAKS: Final = 240
_FIRST_SLICES_PER_SECOND: Final = 100
_EVERY_NTH_SAMPLE: Final = 8  # enough for a picture, and an eighth of the work
_BYTES_PER_SAMPLE: Final = 2
# The upper byte of a sample, as it stands in the PCM, to its loudness: 0 is silence, 255 full scale. Looked up by
# bytes.translate, which makes no number of any sample: a fifth of the time of array("h").
_LOUDNESS: Final = bytes((byte if byte < 128 else 255 - byte) * 255 // 127 for byte in range(256))


class Peaks:
    """Fed s16le mono PCM of any length; `taken` is one byte a slice. Memory does not grow with the audio.

    Slices are of 10 ms at first. Whenever there are twice as many as wanted, neighbours become one.
    """

    def __init__(self, rate_hertz: int) -> None:
        self._slice_bytes = max(1, rate_hertz // _FIRST_SLICES_PER_SECOND) * _BYTES_PER_SAMPLE
        self._pending = bytearray()
        self._peaks: list[int] = []

    def feed(self, pcm: bytes) -> None:
        self._pending += pcm
        while len(self._pending) >= self._slice_bytes:
            self._peaks.append(_loudest(self._pending[: self._slice_bytes]))
            del self._pending[: self._slice_bytes]
            if len(self._peaks) == 2 * MAX_PEAKS:
                pairs = zip(self._peaks[::2], self._peaks[1::2], strict=True)
                self._peaks = [max(pair) for pair in pairs]
                self._slice_bytes *= 2

    def taken(self) -> bytes:
        """From the first slice to the last: 0 is silence, 255 full scale."""
        peaks = list(self._peaks)
        if len(self._pending) >= _BYTES_PER_SAMPLE:
            peaks.append(_loudest(self._pending))
        return bytes(peaks)


def _loudest(pcm: bytearray) -> int:
    return max(pcm[1 :: _EVERY_NTH_SAMPLE * _BYTES_PER_SAMPLE].translate(_LOUDNESS))
