"""Defines what each output format supports, and resolves a request's options to one exact `Encoding`.

The tables of sample rates, bitrates, content types and file extensions are here. This module does not encode: the web
process imports it and must not load the codec libraries.

Rates are in hertz, bitrates in kbit/s (1,000 bits per second).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

SAMPLE_RATES_HERTZ: Final = (8000, 12000, 16000, 22050, 24000, 44100, 48000)

# MP3 defines fixed lists of constant bitrates (ISO/IEC 11172-3 and 13818-3, layer III): one for the MPEG-1 rates, one
# for MPEG-2, and MPEG-2.5 ends at 64. LAME silently replaces any other value by a neighbour (144 at 44.1 kHz becomes
# 128, 192 at 24 kHz becomes 160), so unlisted values are rejected. The lists start at 32 although the low rates also
# allow 8 to 24, so that the lowest bitrate offered is the same at every rate.
_MPEG1_KBPS: Final = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_MPEG2_KBPS: Final = (32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_MPEG25_KBPS: Final = (32, 40, 48, 56, 64)

# Opus takes any bitrate from 6 to 510 kbit/s (RFC 6716, section 2.1.1). The maximum here is MP3's: 320.
_OPUS_KBPS: Final = range(6, 320 + 1)
# libopus rejects more than 256 kbit/s per channel, so higher bitrates are encoded as two equal channels.
_OPUS_MONO_KBPS_MAX: Final = 256

# AAC-LC carries at most 6,144 bits per frame of 1,024 samples per channel (ISO/IEC 14496-3, 4.5.3.1), which is 6 bits
# per sample; libav clamps higher bitrates. More than 128 kbit/s for one channel is wasted on speech.
_AAC_KBPS: Final = (32, 40, 48, 56, 64, 80, 96, 112, 128)


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """One output format.

    `bitrates_kbps` maps each supported sample rate to its valid bitrates (none for a lossless format). If
    `default_rate_hertz` is None, the default is the engine's own rate.
    """

    content_type: str
    file_extension: str
    default_rate_hertz: int | None
    default_bitrate_kbps: int | None
    bitrates_kbps: Mapping[int, Sequence[int]]


FORMATS: Final[Mapping[str, OutputFormat]] = MappingProxyType(
    {
        "wav": OutputFormat(
            content_type="audio/wav",
            file_extension=".wav",
            default_rate_hertz=None,
            default_bitrate_kbps=None,
            bitrates_kbps=MappingProxyType(dict.fromkeys(SAMPLE_RATES_HERTZ, ())),
        ),
        "mp3": OutputFormat(
            content_type="audio/mpeg",
            file_extension=".mp3",
            default_rate_hertz=None,
            default_bitrate_kbps=128,
            bitrates_kbps=MappingProxyType(
                {
                    8000: _MPEG25_KBPS,
                    12000: _MPEG25_KBPS,
                    16000: _MPEG2_KBPS,
                    22050: _MPEG2_KBPS,
                    24000: _MPEG2_KBPS,
                    44100: _MPEG1_KBPS,
                    48000: _MPEG1_KBPS,
                }
            ),
        ),
        "ogg_opus": OutputFormat(
            content_type="audio/ogg",
            file_extension=".ogg",
            default_rate_hertz=48000,
            default_bitrate_kbps=64,
            # libopus also supports 12,000 Hz; the API does not offer it.
            bitrates_kbps=MappingProxyType(dict.fromkeys((8000, 16000, 24000, 48000), _OPUS_KBPS)),
        ),
        "flac": OutputFormat(
            content_type="audio/flac",
            file_extension=".flac",
            default_rate_hertz=None,
            default_bitrate_kbps=None,
            bitrates_kbps=MappingProxyType(dict.fromkeys(SAMPLE_RATES_HERTZ, ())),
        ),
        "aac": OutputFormat(
            content_type="audio/aac",
            file_extension=".aac",
            default_rate_hertz=None,
            default_bitrate_kbps=96,
            bitrates_kbps=MappingProxyType(
                {rate: tuple(kbps for kbps in _AAC_KBPS if kbps * 1000 <= 6 * rate) for rate in SAMPLE_RATES_HERTZ}
            ),
        ),
        "pcm": OutputFormat(
            content_type="audio/pcm",
            file_extension=".pcm",
            default_rate_hertz=24000,  # raw PCM does not state its rate; OpenAI's clients play it at 24 kHz
            default_bitrate_kbps=None,
            bitrates_kbps=MappingProxyType(dict.fromkeys(SAMPLE_RATES_HERTZ, ())),
        ),
    }
)

_BYTES_PER_SAMPLE: Final = 2
# In a stream, whose pages hold one packet of 20 ms each, with a header of 28 bytes (RFC 3533, section 6).
_OGG_BYTES_PER_SECOND: Final = 50 * 28

# What `POST /tts` offers. The others are for `POST /v1/audio/speech`, whose callers know them by these names.
OUTPUT_FORMATS: Final = ("wav", "mp3", "ogg_opus")


@dataclass(frozen=True, slots=True)
class Encoding:
    """Exactly how an audio is encoded. `bitrate_kbps` is None for the lossless formats (wav, flac, pcm)."""

    output_format: str
    sample_rate_hertz: int
    bitrate_kbps: int | None
    channels: int

    @property
    def content_type(self) -> str:
        return FORMATS[self.output_format].content_type

    @property
    def file_extension(self) -> str:
        """The extension with its dot: `.wav`."""
        return FORMATS[self.output_format].file_extension

    @property
    def bytes_per_second(self) -> int:
        """The largest possible rate of encoded audio. Lossless audio is no larger than its samples."""
        if self.bitrate_kbps is None:
            return self.sample_rate_hertz * self.channels * _BYTES_PER_SAMPLE
        return self.bitrate_kbps * 125 + (_OGG_BYTES_PER_SECOND if self.output_format == "ogg_opus" else 0)


class UnsupportedEncoding(ValueError):
    """The requested encoding is not possible.

    `field` is the request's invalid field, `message` a sentence for the API caller, and `nearest` the possible value
    nearest to the rejected one (two if they are equally near, none if no value helps).
    """

    def __init__(self, field: str, message: str, nearest: tuple[int, ...] = ()) -> None:
        super().__init__(message)
        self.field = field
        self.message = message
        self.nearest = nearest


def resolve_encoding(
    *, output_format: str, engine_rate_hertz: int, sample_rate_hertz: int | None, bitrate_kbps: int | None
) -> Encoding:
    """Returns the encoding for a request. None stands for a field that the caller left out.

    `engine_rate_hertz` is the rate of the engine's PCM. If it decides but the format does not support it, the next
    higher rate is used, so that no quality is lost, or the highest if there is none above.

    Raises UnsupportedEncoding with the field and the nearest possible value.
    """
    spec = FORMATS.get(output_format)
    if spec is None:
        raise UnsupportedEncoding("output_format", f"output_format must be one of {', '.join(FORMATS)}.")
    if bitrate_kbps is not None and spec.default_bitrate_kbps is None:
        raise UnsupportedEncoding(
            "output_bitrate_kbps", f"{output_format} is lossless and does not accept output_bitrate_kbps."
        )

    rate_hertz = (
        _default_rate(output_format, spec, engine_rate_hertz, bitrate_kbps)
        if sample_rate_hertz is None
        else _asked_rate(output_format, spec, sample_rate_hertz)
    )
    legal_kbps = spec.bitrates_kbps[rate_hertz]
    if bitrate_kbps is None and spec.default_bitrate_kbps is not None:
        bitrate_kbps = min(spec.default_bitrate_kbps, max(legal_kbps))
    if bitrate_kbps is not None and bitrate_kbps not in legal_kbps:
        raise _bitrate_refused(f"{output_format} at {rate_hertz} Hz", bitrate_kbps, legal_kbps)

    two_channels = output_format == "ogg_opus" and (bitrate_kbps or 0) > _OPUS_MONO_KBPS_MAX
    return Encoding(output_format, rate_hertz, bitrate_kbps, channels=2 if two_channels else 1)


def _asked_rate(output_format: str, spec: OutputFormat, sample_rate_hertz: int) -> int:
    if sample_rate_hertz in spec.bitrates_kbps:
        return sample_rate_hertz
    nearest = _nearest(sample_rate_hertz, spec.bitrates_kbps)
    raise UnsupportedEncoding(
        "sample_rate_hertz",
        f"{output_format} does not support {sample_rate_hertz} Hz; {_naming(nearest)}",
        nearest,
    )


def _default_rate(output_format: str, spec: OutputFormat, engine_rate_hertz: int, bitrate_kbps: int | None) -> int:
    """Returns the format's default rate or, if it does not support the requested bitrate, the lowest rate that does."""
    rates = sorted(spec.bitrates_kbps)
    wanted = spec.default_rate_hertz or engine_rate_hertz
    default = next((rate for rate in rates if rate >= wanted), rates[-1])
    if bitrate_kbps is None:
        return default
    for rate in (default, *rates):
        if bitrate_kbps in spec.bitrates_kbps[rate]:
            return rate
    every_kbps = sorted({kbps for legal in spec.bitrates_kbps.values() for kbps in legal})
    raise _bitrate_refused(output_format, bitrate_kbps, every_kbps)


def _bitrate_refused(carrier: str, bitrate_kbps: int, legal_kbps: Sequence[int]) -> UnsupportedEncoding:
    lowest, highest = min(legal_kbps), max(legal_kbps)
    if bitrate_kbps > highest:
        reason = f"{carrier} supports at most {highest} kbps"
    elif bitrate_kbps < lowest:
        reason = f"{carrier} requires at least {lowest} kbps"
    else:
        reason = f"{carrier} does not support {bitrate_kbps} kbps"
    nearest = _nearest(bitrate_kbps, legal_kbps)
    return UnsupportedEncoding("output_bitrate_kbps", f"{reason}; {_naming(nearest)}", nearest)


def _nearest(value: int, possible: Iterable[int]) -> tuple[int, ...]:
    """Returns the possible value nearest to `value`, or both the lower and the higher one if they are equally near."""
    ordered = sorted(possible, key=lambda candidate: (abs(candidate - value), candidate))
    return tuple(c for c in ordered[:2] if abs(c - value) == abs(ordered[0] - value))


def _naming(nearest: tuple[int, ...]) -> str:
    if len(nearest) == 1:
        return f"the nearest supported value is {nearest[0]}."
    return f"the nearest supported values are {nearest[0]} and {nearest[1]}."
