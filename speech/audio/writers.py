"""Encodes samples to bytes, with one writer for each kind of encoding.

The codec settings are here. After the last sample, `finish` returns the header for a stored file, and `samples` is how
many samples a decoder produces from it. `speech.audio.encoder` feeds the writers and empties the sink.
"""

import hashlib
import io
import secrets
from collections.abc import Sequence
from typing import Any, Final, cast

import av
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet

from speech.audio.formats import FORMATS, Encoding
from speech.audio.headers import flac_header, mp3_info_frame
from speech.audio.wav import BYTES_PER_SAMPLE, wav_header

# A player receives a whole Ogg page at a time. libav's default is one second. In a stream, every Opus packet (20 ms) is
# a page, so that it is sent at once; a file is seekable enough with ten pages a second.
_STREAM_PAGE_MICROSECONDS: Final = 20_000
_FILE_PAGE_MICROSECONDS: Final = 100_000


class ByteSink(io.RawIOBase):
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


class SampleWriter:
    """Writes samples unchanged (WAV and PCM). A WAV begins with a stream's header."""

    sample_format: Final = "s16"
    frame_samples: Final = 0  # any

    def __init__(self, sink: ByteSink, encoding: Encoding) -> None:
        self._sink = sink
        self._encoding = encoding
        self._sample_bytes = BYTES_PER_SAMPLE * encoding.channels
        self.samples = 0
        if encoding.output_format == "wav":
            sink.write(wav_header(encoding, data_bytes=None))

    def write(self, frame: AudioFrame) -> None:
        # A plane may be padded beyond its last sample.
        self._sink.write(bytes(frame.planes[0])[: frame.samples * self._sample_bytes])
        self.samples += frame.samples

    def finish(self) -> bytes:
        """Returns the header for a stored file, with its true length; b"" for PCM. There is no trailer."""
        if self._encoding.output_format != "wav":
            return b""
        return wav_header(self._encoding, data_bytes=self.samples * self._sample_bytes)

    def release(self) -> None:
        self._sink.close()


class LibavWriter:
    """Writes with a libav codec and muxer. Used directly for Ogg Opus; the other formats need a subclass."""

    def __init__(self, sink: ByteSink, encoding: Encoding, *, streaming: bool) -> None:
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
            layout=layout(encoding.channels),
            format=self.sample_format,
            bit_rate=1000 * (encoding.bitrate_kbps or 0),
            options=_codec_options(encoding),
        )
        self._stream = cast("AudioStream", stream)  # the stubs know codecs by literal names only
        self._codec: AudioCodecContext = self._stream.codec_context
        self._codec.open()
        self.frame_samples = self._codec.frame_size
        self.samples = 0  # that a decoder produces from the output so far

    def write(self, frame: AudioFrame) -> None:
        self.samples += frame.samples
        self._mux(self._stream.encode(frame))

    def finish(self) -> bytes:
        """Writes the remaining packets. Returns the header for a stored file; b"" if the first bytes are correct."""
        self._mux(self._stream.encode(None))
        self._container.close()
        return b""

    def release(self) -> None:
        # The sink is closed first: libav then writes no trailer, and an aborted container closes without an error.
        self._sink.close()
        self._container.close()

    def _mux(self, packets: "Sequence[Packet[Any]]") -> None:
        self._container.mux(packets)


class Mp3Writer(LibavWriter):
    """Writes a frame with LAME's tag before the first one, so that players skip the samples that the encoder added."""

    _first_frame = b""
    _frames = 0
    _audio_bytes = 0

    def finish(self) -> bytes:
        super().finish()
        if not self._frames:
            return b""
        return mp3_info_frame(
            self._first_frame, samples=self.samples, frames=self._frames, audio_bytes=self._audio_bytes
        )

    def _mux(self, packets: "Sequence[Packet[Any]]") -> None:
        for packet in packets:
            if not self._frames:
                self._first_frame = bytes(packet)[:4]
                self._sink.write(mp3_info_frame(self._first_frame))
            self._frames += 1
            self._audio_bytes += packet.size
            super()._mux([packet])


class FlacWriter(LibavWriter):
    """Completes STREAMINFO, the first block, with the number of samples and their MD5."""

    def __init__(self, sink: ByteSink, encoding: Encoding, *, streaming: bool) -> None:
        super().__init__(sink, encoding, streaming=streaming)
        self._stream_info = bytes(self._codec.extradata or b"")
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._frame_bytes: list[int] = []  # sizes of the smallest and the largest frame

    def write(self, frame: AudioFrame) -> None:
        self._md5.update(bytes(frame.planes[0])[: frame.samples * BYTES_PER_SAMPLE])
        super().write(frame)

    def finish(self) -> bytes:
        super().finish()
        smallest, largest = self._frame_bytes or (0, 0)
        return flac_header(
            self._stream_info,
            samples=self.samples,
            md5=self._md5.digest(),
            smallest_frame_bytes=smallest,
            largest_frame_bytes=largest,
        )

    def _mux(self, packets: "Sequence[Packet[Any]]") -> None:
        for packet in packets:
            if packet.size:  # the last one is empty: it carries a new STREAMINFO, which only a seekable file can take
                sizes = (*self._frame_bytes, packet.size)
                self._frame_bytes = [min(sizes), max(sizes)]
            super()._mux([packet])


class AacWriter(LibavWriter):
    """Writes bare frames (ADTS), which have no field for the samples that the encoder added.

    The first frame is dropped: it only contains the start of the overlap with the second. The last one is filled with
    silence, which counts towards the length.
    """

    _frames = -1

    def write(self, frame: AudioFrame) -> None:
        self._mux(self._stream.encode(frame))

    def _mux(self, packets: "Sequence[Packet[Any]]") -> None:
        for packet in packets:
            self._frames += 1
            if self._frames:
                self.samples = self._frames * self.frame_samples
                super()._mux([packet])


Writer = SampleWriter | LibavWriter


def open_writer(sink: ByteSink, encoding: Encoding, *, streaming: bool) -> Writer:
    """Returns the writer for an encoding. With `streaming`, every packet is written as soon as it is encoded."""
    match encoding.output_format:
        case "wav" | "pcm":
            return SampleWriter(sink, encoding)
        case "mp3":
            return Mp3Writer(sink, encoding, streaming=streaming)
        case "flac":
            return FlacWriter(sink, encoding, streaming=streaming)
        case "aac":
            return AacWriter(sink, encoding, streaming=streaming)
        case _:
            return LibavWriter(sink, encoding, streaming=streaming)


# libav's names of the container, the codec and the codec's input format. Floats, because resampling may briefly exceed
# full scale, and only the decoder should clip. FLAC consists of integers.
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
            # Frames only: Mp3Writer writes the one with LAME's tag, and an ID3 tag would delay the first.
            return options | {"write_xing": "0", "id3v2_version": "0"}
        case "ogg_opus":
            page_microseconds = _STREAM_PAGE_MICROSECONDS if streaming else _FILE_PAGE_MICROSECONDS
            return options | {
                "page_duration": str(page_microseconds),
                "fflags": "+bitexact",  # no library version in the file, and the serial number that is set here
                "serial_offset": str(_random_serial()),
            }
        case _:
            # No library version either, and no space for tags, which would take 8 KiB before a FLAC's first frame.
            return options | {"fflags": "+bitexact", "metadata_header_padding": "0"}


def _codec_options(encoding: Encoding) -> dict[str, str]:
    match encoding.output_format:
        case "mp3":
            return {}  # LAME with a bitrate is constant by default
        case "ogg_opus":
            # Constant as well, so that callers get the bitrate that they requested, regardless of the speech.
            return {"vbr": "off", "application": "audio", "frame_duration": "20"}
        case _:
            return {"flags": "+bitexact"}  # else the AAC encoder writes its name into the first frame


def _random_serial() -> int:
    """Returns a serial number for an Ogg stream.

    Random, because files that a caller concatenates must have different ones (RFC 3533, section 4).
    """
    return secrets.randbelow(2**31)


def layout(channels: int) -> str:
    """Returns libav's name of a channel layout."""
    return {1: "mono", 2: "stereo"}[channels]
