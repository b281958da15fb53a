"""Encoding PCM piece by piece: signed 16-bit mono samples in, bytes of a WAV, MP3, Ogg Opus, FLAC, AAC (ADTS) or bare
PCM stream out.

Owns the codec settings and the resampling. Which encodings exist is `speech.audio.formats`; keeping the bytes
is `speech.audio.files`. Memory use does not depend on the length of the audio.

What comes out depends on the samples alone, never on how they were cut into pieces: input is gathered into
blocks of 20 ms before libav sees any of it. (Two Ogg streams of the same audio differ in one random number,
see `_random_serial`.)
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

# An Ogg page is what a player gets at once. libav gathers a second by default; a listener should get every
# Opus packet (20 ms) as it is made, a file needs no more than ten pages a second to be seekable.
_STREAM_PAGE_MICROSECONDS: Final = 20_000
_FILE_PAGE_MICROSECONDS: Final = 100_000


class Encoder:
    """One piece of audio on its way from PCM to `encoding`.

    `input_rate_hertz` is the rate of the PCM; it is resampled to the encoding's. With `streaming` every
    packet comes out as soon as it is made. A WAV always begins with a stream's header, because its length
    is not known before the end; `speech.audio.files.AudioFile` puts the true sizes into the stored file.

    Not for use by several threads at once. As a context manager it aborts on the way out unless closed.
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
        """Take s16le mono PCM of any length, even half a sample; return the encoded bytes that are ready.

        Raises ValueError when the encoder is closed or aborted.
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
        """End the audio; return the last encoded bytes. When no PCM was fed, a WAV or FLAC is its header alone, the
        others are empty.

        Raises ValueError when the PCM ended inside a sample (the engine was cut off), or when the encoder is
        closed or aborted.
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
        """Free what libav holds and give up what was not returned yet. Harmless after `close`."""
        if self._closed:
            return
        self._closed = True
        self._pending.clear()
        self._writer.release()
        # libav's memory (half a megabyte with LAME) goes with these objects, not with their closing.
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
    """The file that libav writes to: not seekable, emptied by `take`."""

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
    """Samples as they are; in a WAV, after a stream's header."""

    sample_format: Final = "s16"
    frame_samples: Final = 0  # any

    def __init__(self, sink: _ByteSink, encoding: Encoding) -> None:
        self._sink = sink
        self._sample_bytes = BYTES_PER_SAMPLE * encoding.channels
        if encoding.output_format == "wav":
            sink.write(wav_header(encoding, data_bytes=None))

    def write(self, frame: AudioFrame) -> None:
        # A plane may be padded beyond its last sample.
        self._sink.write(bytes(frame.planes[0])[: frame.samples * self._sample_bytes])

    def finish(self) -> None:
        """There is no trailer."""

    def release(self) -> None:
        self._sink.close()


class _LibavWriter:
    """What a libav codec and muxer make."""

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
        self._stream = cast("AudioStream", stream)  # the stubs know codecs by literal names only
        self._stream.codec_context.open()
        self.frame_samples = self._stream.codec_context.frame_size

    def write(self, frame: AudioFrame) -> None:
        self._container.mux(self._stream.encode(frame))

    def finish(self) -> None:
        self._container.mux(self._stream.encode(None))
        self._container.close()

    def release(self) -> None:
        # libav writes no trailer into a closed sink, so an aborted container goes quietly.
        self._sink.close()
        self._container.close()


# libav's container, codec and the sample format its codec is fed. Floats, because resampling may overshoot
# full scale for a moment and only the decoder should decide what becomes of that; FLAC is made of whole numbers.
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
            # Nothing but frames: a Xing header would have to be patched at the end, a tag delays the first frame.
            return options | {"write_xing": "0", "id3v2_version": "0"}
        case "ogg_opus":
            page_microseconds = _STREAM_PAGE_MICROSECONDS if streaming else _FILE_PAGE_MICROSECONDS
            return options | {
                "page_duration": str(page_microseconds),
                "fflags": "+bitexact",  # no library version in the file, and the serial number is ours
                "serial_offset": str(_random_serial()),
            }
        case _:
            # Likewise no library version, and no room for tags, which would be 8 KiB before a FLAC's first frame.
            return options | {"fflags": "+bitexact", "metadata_header_padding": "0"}


def _codec_options(encoding: Encoding) -> dict[str, str]:
    match encoding.output_format:
        case "mp3":
            return {}  # LAME with a bitrate is constant by default
        case "ogg_opus":
            # Constant too, so that a caller gets the bitrate asked for, whatever is being said.
            return {"vbr": "off", "application": "audio", "frame_duration": "20"}
        case _:
            return {"flags": "+bitexact"}  # the AAC encoder signs its first frame


def _random_serial() -> int:
    """The serial number of an Ogg stream: random, because files that a caller joins end to end must not
    share one (RFC 3533, section 4)."""
    return secrets.randbelow(2**31)


def _doubled(mono: bytes) -> bytes:
    """The same samples left and right. Done here because libav's own upmix is 3 dB quieter."""
    stereo = bytearray(2 * len(mono))
    low_bytes, high_bytes = mono[0::2], mono[1::2]
    stereo[0::4] = stereo[2::4] = low_bytes
    stereo[1::4] = stereo[3::4] = high_bytes
    return bytes(stereo)


def _layout(channels: int) -> str:
    return {1: "mono", 2: "stereo"}[channels]
