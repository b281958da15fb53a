"""From samples to bytes: one writer for each kind of encoding, into a sink that is emptied piece by piece.

Owns the codec settings, what the file's first bytes have to say once it has ended, and how long it then plays. Whoever
feeds a writer is `speech.audio.encoder`.
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

# An Ogg page is what a player gets at once. libav gathers a second by default; a listener should get every
# Opus packet (20 ms) as it is made, a file needs no more than ten pages a second to be seekable.
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
    """Samples as they are; in a WAV, after a stream's header."""

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
        """There is no trailer. Returns what the file begins with, now that its length is known."""
        if self._encoding.output_format != "wav":
            return b""
        return wav_header(self._encoding, data_bytes=self.samples * self._sample_bytes)

    def release(self) -> None:
        self._sink.close()


class LibavWriter:
    """What a libav codec and muxer make."""

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
        self.samples = 0  # that a decoder will make of what was written so far

    def write(self, frame: AudioFrame) -> None:
        self.samples += frame.samples
        self._mux(self._stream.encode(frame))

    def finish(self) -> bytes:
        """Writes what is left. Returns what the file begins with, now that its length is known; nothing, where that
        is what it began with.
        """
        self._mux(self._stream.encode(None))
        self._container.close()
        return b""

    def release(self) -> None:
        # libav writes no trailer into a closed sink, so an aborted container goes quietly.
        self._sink.close()
        self._container.close()

    def _mux(self, packets: "Sequence[Packet[Any]]") -> None:
        self._container.mux(packets)


class Mp3Writer(LibavWriter):
    """Before the first frame comes one with LAME's tag, for readers to leave out what the encoder added."""

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
    """STREAMINFO, the first block, says how many samples follow, and their MD5."""

    def __init__(self, sink: ByteSink, encoding: Encoding, *, streaming: bool) -> None:
        super().__init__(sink, encoding, streaming=streaming)
        self._stream_info = bytes(self._codec.extradata or b"")
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._frame_bytes: list[int] = []  # of the smallest and the largest

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
            if packet.size:  # the last one is empty, and brings a STREAMINFO that only a file could be given
                sizes = (*self._frame_bytes, packet.size)
                self._frame_bytes = [min(sizes), max(sizes)]
            super()._mux([packet])


class AacWriter(LibavWriter):
    """In bare frames there is no place to say what the encoder added. Its first frame holds nothing but the beginning
    of the overlap with the second, so it is left out; the last one is filled with silence, which counts as sound.
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
    """`streaming`: every packet comes out as soon as it is made."""
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
            # Nothing but frames: the one with LAME's tag is ours, and an ID3 tag would delay the first.
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


def layout(channels: int) -> str:
    """libav's name of it."""
    return {1: "mono", 2: "stereo"}[channels]
