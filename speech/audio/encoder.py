"""Encodes PCM as a stream: signed 16-bit mono samples in; WAV, MP3, Ogg Opus, FLAC, AAC (ADTS) or raw PCM bytes out.

The codec settings and the resampling are here. `speech.audio.formats` says which encodings exist, and
`speech.audio.files` writes the bytes to a file. Memory use does not depend on the length of the audio.

The output depends on the samples alone, not on the sizes of the chunks they arrive in: the input is regrouped into
blocks of 20 ms before libav sees it. (Two Ogg streams of the same audio differ in one random number, see
`_random_serial`.)
"""

import io
import secrets
from fractions import Fraction
from types import TracebackType
from typing import Final, Self, cast

import av
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import OutputContainer

from speech.audio.formats import FORMATS, Encoding
from speech.audio.wav import BYTES_PER_SAMPLE, wav_header

_BLOCKS_PER_SECOND: Final = 50

# A player cannot start before it has a whole Ogg page. libav collects a second per page by default; in a stream, every
# Opus packet (20 ms) should be sent at once, and a file needs no more than ten pages a second to be seekable.
_STREAM_PAGE_MICROSECONDS: Final = 20_000
_FILE_PAGE_MICROSECONDS: Final = 100_000


class Encoder:
    """Encodes one audio from PCM to `encoding`.

    `input_rate_hertz` is the rate of the PCM, which is resampled to the encoding's rate. With `streaming`, every packet
    is returned as soon as it is encoded. A WAV always starts with a stream's header, because its length is not known
    before the end; `speech.audio.files.AudioFile` writes the real sizes into the stored file.

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
        self._sink = _ByteSink()
        self._writer: _SampleWriter | _LibavWriter = (
            _LibavWriter(self._sink, encoding, streaming=streaming)
            if encoding.output_format in _LIBAV_NAMES
            else _SampleWriter(self._sink, encoding)
        )
        self._resampler = AudioResampler(
            format=self._writer.sample_format,
            layout=_layout(self._channels),
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
        self._writer.finish()
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
        frame = AudioFrame(format="s16", layout=_layout(self._channels), samples=samples)
        frame.planes[0].update(_doubled(block) if self._channels == 2 else block)
        frame.sample_rate = self._input_rate_hertz
        frame.time_base = Fraction(1, self._input_rate_hertz)
        frame.pts = self._samples_encoded
        self._samples_encoded += samples
        for resampled in self._resampler.resample(frame):
            self._writer.write(resampled)


class _ByteSink(io.RawIOBase):
    """The file that libav writes to. Not seekable; `take` empties it."""

    def __init__(self) -> None:
        self._written = bytearray()

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    # The base class takes any buffer; libav passes bytes.
    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._written += data
        return len(data)

    def take(self) -> bytes:
        taken = bytes(self._written)
        self._written.clear()
        return taken


class _SampleWriter:
    """Writes samples unchanged; a WAV starts with a stream's header."""

    sample_format: Final = "s16"
    frame_samples: Final = 0  # any number

    def __init__(self, sink: _ByteSink, encoding: Encoding) -> None:
        self._sink = sink
        self._sample_bytes = BYTES_PER_SAMPLE * encoding.channels
        if encoding.output_format == "wav":
            sink.write(wav_header(encoding, data_bytes=None))

    def write(self, frame: AudioFrame) -> None:
        # A plane may be padded beyond its last sample.
        self._sink.write(bytes(frame.planes[0])[: frame.samples * self._sample_bytes])

    def finish(self) -> None:
        """Does nothing: there is no trailer."""

    def release(self) -> None:
        self._sink.close()


class _LibavWriter:
    """Writes samples through a libav codec and muxer."""

    def __init__(self, sink: _ByteSink, encoding: Encoding, *, streaming: bool) -> None:
        if (encoding.bitrate_kbps is None) != (FORMATS[encoding.output_format].default_bitrate_kbps is None):
            raise ValueError(f"{encoding.output_format} does not support a bitrate of {encoding.bitrate_kbps} kbps.")
        container_name, codec_name, self.sample_format = _LIBAV_NAMES[encoding.output_format]
        self._sink = sink
        self._container: OutputContainer = av.open(
            sink, "w", format=container_name, options=_muxer_options(encoding, streaming=streaming)
        )
        stream = self._container.add_stream(
            codec_name,
            rate=encoding.sample_rate_hertz,
            layout=_layout(encoding.channels),
            format=self.sample_format,
            bit_rate=1000 * (encoding.bitrate_kbps or 0),
            options=_codec_options(encoding),
        )
        self._stream = cast("AudioStream", stream)  # the stubs accept only literal codec names
        self._stream.codec_context.open()
        self.frame_samples = self._stream.codec_context.frame_size

    def write(self, frame: AudioFrame) -> None:
        self._container.mux(self._stream.encode(frame))

    def finish(self) -> None:
        self._container.mux(self._stream.encode(None))
        self._container.close()

    def release(self) -> None:
        # libav writes no trailer into a closed sink, so closing an aborted container raises nothing.
        self._sink.close()
        self._container.close()


# libav's container and codec, and the sample format that the codec takes. Floats where possible: resampling may briefly
# overshoot full scale, and the decoder should decide how to clip. FLAC takes integers only.
_LIBAV_NAMES: Final = {
    "mp3": ("mp3", "libmp3lame", "fltp"),
    "ogg_opus": ("ogg", "libopus", "flt"),
    "flac": ("flac", "flac", "s16"),
    "aac": ("adts", "aac", "fltp"),
}


def _muxer_options(encoding: Encoding, *, streaming: bool) -> dict[str, str]:
    options = {"flush_packets": "1"} if streaming else {}
    match encoding.output_format:
        case "mp3":
            # Frames only: a Xing header would have to be patched at the end, and a tag delays the first frame.
            return options | {"write_xing": "0", "id3v2_version": "0"}
        case "ogg_opus":
            page_microseconds = _STREAM_PAGE_MICROSECONDS if streaming else _FILE_PAGE_MICROSECONDS
            return options | {
                "page_duration": str(page_microseconds),
                "fflags": "+bitexact",  # no library version in the file; the serial number is set below
                "serial_offset": str(_random_serial()),
            }
        case _:
            # No library version here either, and no padding for tags, which would put 8 KiB before a FLAC's first
            # frame.
            return options | {"fflags": "+bitexact", "metadata_header_padding": "0"}


def _codec_options(encoding: Encoding) -> dict[str, str]:
    match encoding.output_format:
        case "mp3":
            return {}  # LAME encodes at a constant bitrate if one is set
        case "ogg_opus":
            # A constant bitrate too, so that a caller gets the requested one regardless of the content.
            return {"vbr": "off", "application": "audio", "frame_duration": "20"}
        case _:
            return {"flags": "+bitexact"}  # otherwise the AAC encoder writes its name into the first frame


def _random_serial() -> int:
    """Returns the serial number of an Ogg stream.

    Random, because files that a caller concatenates must not share one (RFC 3533, section 4).
    """
    return secrets.randbelow(2**31)


def _doubled(mono: bytes) -> bytes:
    """Returns stereo samples with both channels equal. libav's own upmix is 3 dB quieter."""
    stereo = bytearray(2 * len(mono))
    low_bytes, high_bytes = mono[0::2], mono[1::2]
    stereo[0::4] = stereo[2::4] = low_bytes
    stereo[1::4] = stereo[3::4] = high_bytes
    return bytes(stereo)


def _layout(channels: int) -> str:
    return {1: "mono", 2: "stereo"}[channels]
