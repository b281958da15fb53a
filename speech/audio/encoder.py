"""Encodes PCM as a stream: signed 16-bit mono samples in; WAV, MP3, Ogg Opus, FLAC, AAC (ADTS) or raw PCM bytes out.

The resampling is here, and the codecs are in `speech.audio.writers`. `speech.audio.formats` says which encodings exist,
and `speech.audio.files` writes the bytes to a file. Memory use does not depend on the length of the audio.

The output depends on the samples alone, not on the sizes of the chunks they arrive in: the input is regrouped into
blocks of 20 ms before libav sees it. (Two Ogg streams of the same audio differ in one random number, see
`speech.audio.writers`.)
"""

from fractions import Fraction
from types import TracebackType
from typing import Final, Self

from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

from speech.audio.formats import Encoding
from speech.audio.wav import BYTES_PER_SAMPLE
from speech.audio.writers import ByteSink, layout, open_writer

_BLOCKS_PER_SECOND: Final = 50


class Encoder:
    """Encodes one audio from PCM to `encoding`.

    `input_rate_hertz` is the rate of the PCM, which is resampled to the encoding's rate. With `streaming`, every packet
    is returned as soon as it is encoded. WAV, FLAC and MP3 start with a stream's header, because their length is not
    known before the end; after `close`, `header` is the header for a stored file.

    Not thread-safe. As a context manager, it aborts on exit unless closed.
    """

    def __init__(self, encoding: Encoding, *, input_rate_hertz: int, streaming: bool) -> None:
        self._input_rate_hertz = input_rate_hertz
        self._channels = encoding.channels
        self._block_bytes = max(1, input_rate_hertz // _BLOCKS_PER_SECOND) * BYTES_PER_SAMPLE
        self._pending = bytearray()
        self._bytes_in = 0
        self._samples_encoded = 0
        self._closed = False
        self._sink = ByteSink()
        self._writer = open_writer(self._sink, encoding, streaming=streaming)
        self._output_rate_hertz = encoding.sample_rate_hertz
        self.header = b""
        self.decoded_seconds = 0.0
        self._resampler = AudioResampler(
            format=self._writer.sample_format,
            layout=layout(self._channels),
            rate=encoding.sample_rate_hertz,
            frame_size=self._writer.frame_samples,
        )

    @property
    def samples_in(self) -> int:
        """Whole samples fed so far, at the input rate."""
        return self._bytes_in // BYTES_PER_SAMPLE

    @property
    def duration_seconds(self) -> float:
        """Seconds of audio fed so far."""
        return self.samples_in / self._input_rate_hertz

    def feed(self, pcm: bytes) -> bytes:
        """Takes s16le mono PCM of any length, even half a sample, and returns the encoded bytes that are ready.

        Raises ValueError if the encoder is closed or aborted.
        """
        self._refuse_if_closed()
        self._bytes_in += len(pcm)
        self._pending += pcm
        whole_bytes = len(self._pending) - len(self._pending) % self._block_bytes
        for start in range(0, whole_bytes, self._block_bytes):
            self._encode(bytes(self._pending[start : start + self._block_bytes]))
        del self._pending[:whole_bytes]
        return self._sink.take()

    def close(self) -> bytes:
        """Ends the audio and returns the last encoded bytes.

        `header` then replaces the first bytes of a file of the same size; it is empty if those are correct.
        `decoded_seconds` is the playing time. With AAC, which consists of whole frames, it may be up to a frame longer
        than the PCM.

        If no PCM was fed, a WAV or FLAC consists of its header alone and the other formats are empty. Raises ValueError
        if the PCM ends inside a sample (the engine was cut off), or if the encoder is closed or aborted.
        """
        self._refuse_if_closed()
        if len(self._pending) % BYTES_PER_SAMPLE:
            raise ValueError("The PCM data ends in the middle of a sample.")
        if self._pending:
            self._encode(bytes(self._pending))
        for frame in self._resampler.resample(None):
            self._writer.write(frame)
        self.header = self._writer.finish()
        self.decoded_seconds = self._writer.samples / self._output_rate_hertz
        encoded = self._sink.take()
        self.abort()
        return encoded

    def abort(self) -> None:
        """Frees libav's memory and discards what was not returned yet. Has no effect after `close`."""
        if self._closed:
            return
        self._closed = True
        self._pending.clear()
        self._writer.release()
        # libav frees its memory (half a megabyte with LAME) with these objects, not when they are closed.
        del self._writer, self._resampler

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.abort()

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise ValueError("The encoder is closed.")

    def _encode(self, block: bytes) -> None:
        samples = len(block) // BYTES_PER_SAMPLE
        frame = AudioFrame(format="s16", layout=layout(self._channels), samples=samples)
        frame.planes[0].update(_doubled(block) if self._channels == 2 else block)
        frame.sample_rate = self._input_rate_hertz
        frame.time_base = Fraction(1, self._input_rate_hertz)
        frame.pts = self._samples_encoded
        self._samples_encoded += samples
        for resampled in self._resampler.resample(frame):
            self._writer.write(resampled)


def _doubled(mono: bytes) -> bytes:
    """Returns stereo samples with both channels equal. libav's own upmix is 3 dB quieter."""
    stereo = bytearray(2 * len(mono))
    low_bytes, high_bytes = mono[0::2], mono[1::2]
    stereo[0::4] = stereo[2::4] = low_bytes
    stereo[1::4] = stereo[3::4] = high_bytes
    return bytes(stereo)
