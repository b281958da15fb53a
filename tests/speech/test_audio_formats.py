"""Which encodings exist, and which one a request gets. The tables here are written out on purpose."""

import subprocess
import sys
from typing import Any

import pytest

from speech.audio.formats import (
    FORMATS,
    OUTPUT_FORMATS,
    SAMPLE_RATES_HERTZ,
    Encoding,
    UnsupportedEncoding,
    resolve_encoding,
)

MPEG1 = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320]
MPEG2 = [32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160]
MPEG25 = [32, 40, 48, 56, 64]
OPUS = list(range(6, 321))
AAC = [32, 40, 48, 56, 64, 80, 96, 112, 128]
NOTHING_TO_CHOOSE: dict[int, list[int]] = {8000: [], 12000: [], 16000: [], 22050: [], 24000: [], 44100: [], 48000: []}

LEGAL_KBPS: dict[str, dict[int, list[int]]] = {
    "wav": NOTHING_TO_CHOOSE,
    "mp3": {
        8000: MPEG25,
        12000: MPEG25,
        16000: MPEG2,
        22050: MPEG2,
        24000: MPEG2,
        44100: MPEG1,
        48000: MPEG1,
    },
    "ogg_opus": {8000: OPUS, 16000: OPUS, 24000: OPUS, 48000: OPUS},
    "flac": NOTHING_TO_CHOOSE,
    "aac": {
        8000: AAC[:3],  # up to 48
        12000: AAC[:5],
        16000: AAC[:7],
        22050: AAC,
        24000: AAC,
        44100: AAC,
        48000: AAC,
    },
    "pcm": NOTHING_TO_CHOOSE,
}

LEFT_OUT = None


def resolve(output_format: str, engine: int, rate: int | None, kbps: int | None) -> Encoding:
    return resolve_encoding(
        output_format=output_format, engine_rate_hertz=engine, sample_rate_hertz=rate, bitrate_kbps=kbps
    )


def refusal(*args: Any) -> UnsupportedEncoding:
    with pytest.raises(UnsupportedEncoding) as caught:
        resolve(*args)
    return caught.value


def test_the_tables_are_the_documented_ones() -> None:
    assert OUTPUT_FORMATS == ("wav", "mp3", "ogg_opus")
    assert SAMPLE_RATES_HERTZ == (8000, 12000, 16000, 22050, 24000, 44100, 48000)
    assert {
        name: {rate: list(legal) for rate, legal in spec.bitrates_kbps.items()} for name, spec in FORMATS.items()
    } == LEGAL_KBPS
    assert {name: (spec.content_type, spec.file_extension) for name, spec in FORMATS.items()} == {
        "wav": ("audio/wav", ".wav"),
        "mp3": ("audio/mpeg", ".mp3"),
        "ogg_opus": ("audio/ogg", ".ogg"),
        "flac": ("audio/flac", ".flac"),
        "aac": ("audio/aac", ".aac"),
        "pcm": ("audio/pcm", ".pcm"),
    }


@pytest.mark.parametrize(
    ("output_format", "engine", "rate", "kbps", "expected"),
    [
        # Nothing asked: the engine's own rate, and 128 kbit/s or the most that it carries.
        ("wav", 22050, LEFT_OUT, LEFT_OUT, (22050, None, 1)),
        ("wav", 24000, LEFT_OUT, LEFT_OUT, (24000, None, 1)),
        ("mp3", 8000, LEFT_OUT, LEFT_OUT, (8000, 64, 1)),
        ("mp3", 12000, LEFT_OUT, LEFT_OUT, (12000, 64, 1)),
        ("mp3", 16000, LEFT_OUT, LEFT_OUT, (16000, 128, 1)),
        ("mp3", 22050, LEFT_OUT, LEFT_OUT, (22050, 128, 1)),
        ("mp3", 48000, LEFT_OUT, LEFT_OUT, (48000, 128, 1)),
        ("ogg_opus", 22050, LEFT_OUT, LEFT_OUT, (48000, 64, 1)),
        ("ogg_opus", 24000, LEFT_OUT, LEFT_OUT, (48000, 64, 1)),
        ("flac", 22050, LEFT_OUT, LEFT_OUT, (22050, None, 1)),
        ("aac", 22050, LEFT_OUT, LEFT_OUT, (22050, 96, 1)),
        ("aac", 8000, LEFT_OUT, LEFT_OUT, (8000, 48, 1)),
        ("pcm", 22050, LEFT_OUT, LEFT_OUT, (24000, None, 1)),
        # The rate asked for.
        ("wav", 22050, 8000, LEFT_OUT, (8000, None, 1)),
        ("wav", 8000, 48000, LEFT_OUT, (48000, None, 1)),
        ("mp3", 22050, 8000, LEFT_OUT, (8000, 64, 1)),
        ("mp3", 8000, 44100, LEFT_OUT, (44100, 128, 1)),
        ("ogg_opus", 22050, 16000, LEFT_OUT, (16000, 64, 1)),
        # The bitrate asked for: at the default rate if that carries it, else at the lowest rate that does.
        ("mp3", 22050, LEFT_OUT, 160, (22050, 160, 1)),
        ("mp3", 24000, LEFT_OUT, 144, (24000, 144, 1)),
        ("mp3", 22050, LEFT_OUT, 192, (44100, 192, 1)),
        ("mp3", 24000, LEFT_OUT, 320, (44100, 320, 1)),
        ("mp3", 8000, LEFT_OUT, 80, (16000, 80, 1)),
        ("mp3", 8000, LEFT_OUT, 64, (8000, 64, 1)),
        ("mp3", 48000, LEFT_OUT, 320, (48000, 320, 1)),
        ("mp3", 48000, LEFT_OUT, 144, (16000, 144, 1)),
        ("ogg_opus", 22050, LEFT_OUT, 6, (48000, 6, 1)),
        ("ogg_opus", 22050, LEFT_OUT, 256, (48000, 256, 1)),
        ("ogg_opus", 22050, LEFT_OUT, 257, (48000, 257, 2)),
        ("ogg_opus", 22050, LEFT_OUT, 320, (48000, 320, 2)),
        # Both.
        ("mp3", 22050, 48000, 320, (48000, 320, 1)),
        ("mp3", 22050, 12000, 32, (12000, 32, 1)),
        ("ogg_opus", 22050, 8000, 320, (8000, 320, 2)),
        # An engine whose own rate is not offered: the next higher one, or the highest.
        ("wav", 11025, LEFT_OUT, LEFT_OUT, (12000, None, 1)),
        ("wav", 32000, LEFT_OUT, LEFT_OUT, (44100, None, 1)),
        ("wav", 96000, LEFT_OUT, LEFT_OUT, (48000, None, 1)),
        ("mp3", 11025, LEFT_OUT, LEFT_OUT, (12000, 64, 1)),
        ("mp3", 11025, LEFT_OUT, 128, (16000, 128, 1)),
        ("mp3", 32000, LEFT_OUT, LEFT_OUT, (44100, 128, 1)),
        ("ogg_opus", 11025, LEFT_OUT, LEFT_OUT, (48000, 64, 1)),
    ],
)
def test_what_is_left_out_gets_its_default(
    output_format: str, engine: int, rate: int | None, kbps: int | None, expected: tuple[int, int | None, int]
) -> None:
    assert resolve(output_format, engine, rate, kbps) == Encoding(output_format, *expected)


@pytest.mark.parametrize(
    ("output_format", "engine", "rate", "kbps", "field", "message"),
    [
        (
            "aiff",
            22050,
            LEFT_OUT,
            LEFT_OUT,
            "output_format",
            "output_format must be one of wav, mp3, ogg_opus, flac, aac, pcm.",
        ),
        (
            "wav",
            22050,
            LEFT_OUT,
            128,
            "output_bitrate_kbps",
            "wav is lossless and does not accept output_bitrate_kbps.",
        ),
        (
            "mp3",
            22050,
            24000,
            192,
            "output_bitrate_kbps",
            "mp3 at 24000 Hz supports at most 160 kbps; the nearest supported value is 160.",
        ),
        (
            "mp3",
            22050,
            8000,
            16,
            "output_bitrate_kbps",
            "mp3 at 8000 Hz requires at least 32 kbps; the nearest supported value is 32.",
        ),
        (
            "mp3",
            22050,
            44100,
            150,
            "output_bitrate_kbps",
            "mp3 at 44100 Hz does not support 150 kbps; the nearest supported value is 160.",
        ),
        (
            "mp3",
            22050,
            44100,
            144,
            "output_bitrate_kbps",
            "mp3 at 44100 Hz does not support 144 kbps; the nearest supported values are 128 and 160.",
        ),
        (
            "mp3",
            22050,
            LEFT_OUT,
            321,
            "output_bitrate_kbps",
            "mp3 supports at most 320 kbps; the nearest supported value is 320.",
        ),
        (
            "mp3",
            22050,
            LEFT_OUT,
            100,
            "output_bitrate_kbps",
            "mp3 does not support 100 kbps; the nearest supported value is 96.",
        ),
        (
            "ogg_opus",
            22050,
            LEFT_OUT,
            5,
            "output_bitrate_kbps",
            "ogg_opus requires at least 6 kbps; the nearest supported value is 6.",
        ),
        (
            "ogg_opus",
            22050,
            16000,
            321,
            "output_bitrate_kbps",
            "ogg_opus at 16000 Hz supports at most 320 kbps; the nearest supported value is 320.",
        ),
        (
            "ogg_opus",
            22050,
            22050,
            LEFT_OUT,
            "sample_rate_hertz",
            "ogg_opus does not support 22050 Hz; the nearest supported value is 24000.",
        ),
        (
            "ogg_opus",
            22050,
            44100,
            64,
            "sample_rate_hertz",
            "ogg_opus does not support 44100 Hz; the nearest supported value is 48000.",
        ),
        (
            "ogg_opus",
            22050,
            12000,
            LEFT_OUT,
            "sample_rate_hertz",
            "ogg_opus does not support 12000 Hz; the nearest supported values are 8000 and 16000.",
        ),
        (
            "wav",
            11025,
            11025,
            LEFT_OUT,
            "sample_rate_hertz",
            "wav does not support 11025 Hz; the nearest supported value is 12000.",
        ),
    ],
)
def test_a_refusal_names_the_field_and_the_nearest_possible_value(
    output_format: str, engine: int, rate: int | None, kbps: int | None, field: str, message: str
) -> None:
    refused = refusal(output_format, engine, rate, kbps)

    assert (refused.field, refused.message, str(refused)) == (field, message, message)


@pytest.mark.parametrize("output_format", ["mp3", "ogg_opus", "aac"])
def test_every_pair_of_rate_and_bitrate_is_either_given_exactly_or_refused(output_format: str) -> None:
    for rate, legal in LEGAL_KBPS[output_format].items():
        for kbps in range(400):
            if kbps in legal:
                encoding = resolve(output_format, 22050, rate, kbps)
                assert (encoding.sample_rate_hertz, encoding.bitrate_kbps) == (rate, kbps)
            else:
                refused = refusal(output_format, 22050, rate, kbps)
                distance = min(abs(kbps - other) for other in legal)
                assert refused.field == "output_bitrate_kbps"
                assert refused.nearest == tuple(other for other in legal if abs(kbps - other) == distance)
                assert all(str(value) in refused.message for value in refused.nearest)


@pytest.mark.parametrize("output_format", LEGAL_KBPS)
def test_every_sample_rate_is_either_given_exactly_or_refused(output_format: str) -> None:
    legal = list(LEGAL_KBPS[output_format])
    for rate in sorted({*SAMPLE_RATES_HERTZ, *range(0, 100_000, 250)}):
        if rate in legal:
            assert resolve(output_format, 22050, rate, LEFT_OUT).sample_rate_hertz == rate
        else:
            refused = refusal(output_format, 22050, rate, LEFT_OUT)
            distance = min(abs(rate - other) for other in legal)
            assert refused.field == "sample_rate_hertz"
            assert refused.nearest == tuple(other for other in legal if abs(rate - other) == distance)


def test_every_bitrate_alone_finds_a_rate_that_carries_it_or_is_refused() -> None:
    carried = set(MPEG1) | set(MPEG2)
    for engine in SAMPLE_RATES_HERTZ:
        own = LEGAL_KBPS["mp3"][engine]
        for kbps in range(400):
            if kbps not in carried:
                assert refusal("mp3", engine, LEFT_OUT, kbps).field == "output_bitrate_kbps"
                continue
            lowest = min(rate for rate, legal in LEGAL_KBPS["mp3"].items() if kbps in legal)
            expected = engine if kbps in own else lowest
            assert resolve("mp3", engine, LEFT_OUT, kbps).sample_rate_hertz == expected


def test_an_encoding_knows_its_content_type_and_file_extension() -> None:
    encoding = resolve("mp3", 22050, LEFT_OUT, LEFT_OUT)

    assert (encoding.content_type, encoding.file_extension) == ("audio/mpeg", ".mp3")


def test_the_tables_load_without_the_codec_libraries() -> None:
    script = "import sys, speech.audio.formats; sys.exit('av' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
