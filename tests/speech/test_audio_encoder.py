"""The encoders: every legal encoding comes out as asked, whatever the pieces, in bounded memory."""

import struct

import numpy as np
import pytest

from speech.audio import writers
from speech.audio.encoder import Encoder
from speech.audio.formats import FORMATS, Encoding, resolve_encoding
from tests.support.audio import (
    Mp3Frame,
    adts_frames,
    decode_audio,
    measure_audio,
    mp3_frames,
    ogg_pages,
    pcm_rms_dbfs,
    rms_dbfs,
    silence_pcm,
    speech_like_pcm,
    tone_pcm,
)

ENGINE_RATE_HERTZ = 22050
HALF_SECOND = speech_like_pcm(0.5, ENGINE_RATE_HERTZ)
TWO_SECONDS = speech_like_pcm(2.0, ENGINE_RATE_HERTZ)
QUARTER_SECOND = HALF_SECOND[: len(HALF_SECOND) // 4 * 2]

WAV = Encoding("wav", 22050, None, 1)
WAV_UP = Encoding("wav", 48000, None, 1)
MP3 = Encoding("mp3", 24000, 64, 1)
OPUS = Encoding("ogg_opus", 48000, 64, 1)
OPUS_TWO_CHANNELS = Encoding("ogg_opus", 24000, 320, 2)
FLAC = Encoding("flac", 22050, None, 1)
AAC = Encoding("aac", 22050, 96, 1)
PCM = Encoding("pcm", 24000, None, 1)


def encode(pcm: bytes, encoding: Encoding, *, piece_bytes: int = 4410, streaming: bool = False) -> bytes:
    with Encoder(encoding, input_rate_hertz=ENGINE_RATE_HERTZ, streaming=streaming) as encoder:
        pieces = [encoder.feed(pcm[start : start + piece_bytes]) for start in range(0, len(pcm), piece_bytes)]
        return b"".join([*pieces, encoder.close()])


def middle_rms_dbfs(audio: bytes) -> float:
    """The level without the quiet that an MP3 begins and ends with: from a quarter to three quarters."""
    _rate, samples = decode_audio(audio)
    quarter = samples.shape[1] // 4
    return rms_dbfs(samples[:, quarter:-quarter])


def legal(output_format: str, rate_hertz: int, bitrate_kbps: int | None = None) -> Encoding:
    return resolve_encoding(
        output_format=output_format,
        engine_rate_hertz=ENGINE_RATE_HERTZ,
        sample_rate_hertz=rate_hertz,
        bitrate_kbps=bitrate_kbps,
    )


@pytest.mark.parametrize("rate_hertz", FORMATS["wav"].bitrates_kbps)
def test_wav_at_every_rate(rate_hertz: int) -> None:
    measure = measure_audio(encode(HALF_SECOND, legal("wav", rate_hertz)))

    assert (measure.sample_rate_hertz, measure.channels) == (rate_hertz, 1)
    assert measure.duration_seconds == pytest.approx(0.5, abs=1 / rate_hertz)
    assert measure.rms_dbfs == pytest.approx(pcm_rms_dbfs(HALF_SECOND), abs=0.1)


@pytest.mark.parametrize("rate_hertz", FORMATS["flac"].bitrates_kbps)
def test_flac_at_every_rate_holds_the_very_samples_of_a_wav(rate_hertz: int) -> None:
    flac = encode(HALF_SECOND, legal("flac", rate_hertz))
    wav = encode(HALF_SECOND, legal("wav", rate_hertz))
    rate, samples = decode_audio(flac)

    assert rate == rate_hertz
    assert np.array_equal(samples, decode_audio(wav)[1])
    assert len(flac) < len(wav)


@pytest.mark.parametrize("rate_hertz", FORMATS["pcm"].bitrates_kbps)
def test_pcm_at_every_rate_is_a_wav_without_its_header(rate_hertz: int) -> None:
    assert encode(HALF_SECOND, legal("pcm", rate_hertz)) == encode(HALF_SECOND, legal("wav", rate_hertz))[44:]


@pytest.mark.parametrize("rate_hertz", FORMATS["aac"].bitrates_kbps)
def test_aac_at_every_rate_and_bitrate(rate_hertz: int) -> None:
    for kbps in FORMATS["aac"].bitrates_kbps[rate_hertz]:
        aac = encode(TWO_SECONDS, legal("aac", rate_hertz, kbps))
        measure = measure_audio(aac)

        assert {(frame.rate_hertz, frame.channels) for frame in adts_frames(aac)} == {(rate_hertz, 1)}, kbps
        assert b"Lavc" not in aac, kbps
        assert (measure.sample_rate_hertz, measure.channels) == (rate_hertz, 1), kbps
        # The last frame is filled.
        assert 2.0 <= measure.duration_seconds < 2.0 + 1024 / rate_hertz, kbps
        # An average over time; where the rate leaves little to say, less is spent.
        assert len(aac) * 8 / 1000 / measure.duration_seconds < 1.1 * kbps, kbps
        assert middle_rms_dbfs(aac) == pytest.approx(pcm_rms_dbfs(TWO_SECONDS), abs=1.0), kbps


def test_a_flac_begins_with_its_first_frame_and_names_no_library() -> None:
    flac = encode(HALF_SECOND, FLAC)

    assert flac[:4] == b"fLaC"
    assert b"Lavf6" not in flac
    assert b"Lavc6" not in flac
    assert flac.index(b"\xff\xf8") < 200


@pytest.mark.parametrize("rate_hertz", FORMATS["mp3"].bitrates_kbps)
def test_mp3_at_every_rate_and_bitrate(rate_hertz: int) -> None:
    frame_samples = 1152 if rate_hertz >= 32000 else 576
    for kbps in FORMATS["mp3"].bitrates_kbps[rate_hertz]:
        mp3 = encode(HALF_SECOND, legal("mp3", rate_hertz, kbps))
        measure = measure_audio(mp3)

        assert set(mp3_frames(mp3)[1:]) == {Mp3Frame(kbps, rate_hertz, channels=1)}, kbps
        # A stream's tag, without the values that are only known at the end.
        assert mp3.index(b"Info\0\0\0\0LAME3.100") in (13, 21), kbps
        assert (measure.sample_rate_hertz, measure.channels) == (rate_hertz, 1), kbps
        # LAME adds 1,105 samples at the start, which the tag states, and fills the last frame and one more.
        longest_seconds = 0.5 + (1105 + 2 * frame_samples) / rate_hertz
        assert 0.5 <= measure.duration_seconds <= longest_seconds, kbps
        assert middle_rms_dbfs(mp3) == pytest.approx(pcm_rms_dbfs(HALF_SECOND), abs=1.0), kbps


@pytest.mark.parametrize("rate_hertz", FORMATS["mp3"].bitrates_kbps)
def test_every_mp3_bitrate_that_is_not_offered_is_one_that_lame_would_change(rate_hertz: int) -> None:
    offered = FORMATS["mp3"].bitrates_kbps[rate_hertz]
    standard = {32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 192, 224, 256, 320}

    for kbps in standard - set(offered):
        frames = mp3_frames(encode(HALF_SECOND[:4410], Encoding("mp3", rate_hertz, kbps, 1)))[1:]
        assert {frame.kbps for frame in frames} <= set(offered), kbps


@pytest.mark.parametrize("rate_hertz", FORMATS["ogg_opus"].bitrates_kbps)
def test_opus_at_every_rate_and_bitrate(rate_hertz: int) -> None:
    for kbps in FORMATS["ogg_opus"].bitrates_kbps[rate_hertz]:
        opus = encode(QUARTER_SECOND, legal("ogg_opus", rate_hertz, kbps))
        measure = measure_audio(opus)
        head, _tags, *packets = [size for page in ogg_pages(opus) for size in page.packets]

        # A packet is 20 ms; the bitrate is the packets' alone, without Ogg's framing.
        assert max(abs(size * 8 * 50 / 1000 - kbps) for size in packets) <= 0.4, kbps
        # Opus always decodes at 48 kHz. The header has the original sample rate (RFC 7845, section 5.1).
        assert measure.sample_rate_hertz == 48000
        assert (head, struct.unpack_from("<I", opus, opus.index(b"OpusHead") + 12)[0]) == (19, rate_hertz)
        assert measure.channels == (2 if kbps > 256 else 1), kbps
        assert measure.duration_seconds == pytest.approx(0.25, abs=0.001), kbps
        # At its lowest bitrates Opus itself draws back a little.
        tolerated_db = 1.5 if kbps < 8 else 1.0
        assert measure.rms_dbfs == pytest.approx(pcm_rms_dbfs(QUARTER_SECOND), abs=tolerated_db), kbps


def test_both_channels_of_opus_above_256_kbps_hold_the_same_sound() -> None:
    _rate, (left, right) = decode_audio(encode(HALF_SECOND, OPUS_TWO_CHANNELS))

    assert np.abs(left - right).max() < 0.01
    assert np.abs(left).max() > 0.3


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("encoding", [WAV, WAV_UP, MP3, OPUS, OPUS_TWO_CHANNELS, FLAC, AAC, PCM])
def test_the_bytes_do_not_depend_on_how_the_pcm_was_cut(
    encoding: Encoding, streaming: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writers, "_random_serial", lambda: 7)
    whole = encode(HALF_SECOND, encoding, piece_bytes=len(HALF_SECOND), streaming=streaming)

    for piece_bytes in (1, 2, 3, 441, 882, 884, 9999):
        assert encode(HALF_SECOND, encoding, piece_bytes=piece_bytes, streaming=streaming) == whole


@pytest.mark.parametrize("encoding", [WAV, MP3, OPUS, FLAC, AAC])
def test_silence_stays_silence_and_keeps_its_place(encoding: Encoding) -> None:
    pcm = HALF_SECOND + silence_pcm(0.4, ENGINE_RATE_HERTZ) + HALF_SECOND

    measure = measure_audio(encode(pcm, encoding))

    assert measure.longest_silence_seconds == pytest.approx(0.4, abs=0.05)


def test_resampling_neither_shifts_nor_distorts_a_tone() -> None:
    _rate, got = decode_audio(encode(tone_pcm(1.0, 22050, frequency_hertz=440), WAV_UP))
    wanted = np.frombuffer(tone_pcm(1.0, 48000, frequency_hertz=440), "<i2") / 32768

    error = (got[0] - wanted)[1000:-1000]
    assert 10 * np.log10(np.mean(error**2) / np.mean(wanted**2)) < -60


def test_what_the_lower_rate_cannot_hold_is_removed_and_not_folded_back() -> None:
    tone = tone_pcm(0.5, ENGINE_RATE_HERTZ, frequency_hertz=6000)

    assert middle_rms_dbfs(encode(tone, Encoding("wav", 8000, None, 1))) < -70


def test_a_streams_wav_header_byte_by_byte() -> None:
    wav = encode(HALF_SECOND, WAV, streaming=True)

    assert wav[:44] == (
        b"RIFF\xff\xff\xff\xffWAVE"
        b"fmt \x10\x00\x00\x00\x01\x00\x01\x00"
        b"\x22\x56\x00\x00\x44\xac\x00\x00\x02\x00\x10\x00"
        b"data\xff\xff\xff\xff"
    )
    assert wav[44:] == HALF_SECOND


def test_a_streamed_wav_plays_although_its_length_is_not_known() -> None:
    assert measure_audio(encode(HALF_SECOND, WAV, streaming=True)).duration_seconds == 0.5


@pytest.mark.parametrize(("encoding", "most_late_ms"), [(WAV, 20), (MP3, 150), (OPUS, 60), (FLAC, 220), (AAC, 150)])
def test_a_stream_keeps_up_with_what_was_fed(encoding: Encoding, most_late_ms: int) -> None:
    hundred_ms = HALF_SECOND[: ENGINE_RATE_HERTZ // 10 * 2]
    received = bytearray()
    with Encoder(encoding, input_rate_hertz=ENGINE_RATE_HERTZ, streaming=True) as encoder:
        for fed_ms in range(100, 2100, 100):
            received += encoder.feed(hundred_ms)
            if fed_ms > 200:
                heard_ms = 1000 * measure_audio(bytes(received)).duration_seconds
                assert heard_ms >= fed_ms - most_late_ms


def test_a_stream_has_an_ogg_page_per_packet_and_a_file_has_ten_pages_a_second() -> None:
    two_seconds = HALF_SECOND * 4

    _head, _tags, *of_stream = ogg_pages(encode(two_seconds, OPUS, streaming=True))
    _head, _tags, *of_file = ogg_pages(encode(two_seconds, OPUS, streaming=False))

    assert {len(page.packets) for page in of_stream} == {1}
    assert len(of_stream) >= 100
    assert 20 <= len(of_file) <= 22


def test_two_ogg_streams_differ_in_their_serial_numbers() -> None:
    serials = {page.serial for _ in range(2) for page in ogg_pages(encode(HALF_SECOND, OPUS))}

    assert len(serials) == 2


def test_the_duration_counts_whole_samples_fed() -> None:
    with Encoder(MP3, input_rate_hertz=22050, streaming=True) as encoder:
        encoder.feed(HALF_SECOND + b"\x00")
        assert (encoder.samples_in, encoder.duration_seconds) == (11025, 0.5)


@pytest.mark.parametrize("encoding", [WAV, MP3, OPUS])
def test_pcm_that_ends_inside_a_sample_is_refused(encoding: Encoding) -> None:
    with Encoder(encoding, input_rate_hertz=22050, streaming=True) as encoder:
        encoder.feed(HALF_SECOND + b"\x00")
        with pytest.raises(ValueError, match="middle of a sample"):
            encoder.close()


@pytest.mark.parametrize(("encoding", "size_bytes"), [(WAV, 44), (MP3, 0), (OPUS, 0)])
def test_no_pcm_at_all_makes_no_sound_and_no_error(encoding: Encoding, size_bytes: int) -> None:
    assert len(encode(b"", encoding)) == size_bytes


@pytest.mark.parametrize("encoding", [WAV, MP3, OPUS])
def test_after_close_or_abort_nothing_more_is_taken(encoding: Encoding) -> None:
    closed = Encoder(encoding, input_rate_hertz=22050, streaming=True)
    closed.close()
    closed.abort()
    aborted = Encoder(encoding, input_rate_hertz=22050, streaming=True)
    aborted.feed(HALF_SECOND)
    aborted.abort()
    aborted.abort()

    for encoder in (closed, aborted):
        with pytest.raises(ValueError, match="closed"):
            encoder.feed(HALF_SECOND)
        with pytest.raises(ValueError, match="closed"):
            encoder.close()


def test_an_error_while_encoding_leaves_the_encoder_aborted() -> None:
    with pytest.raises(RuntimeError), Encoder(OPUS, input_rate_hertz=22050, streaming=True) as encoder:
        encoder.feed(HALF_SECOND)
        raise RuntimeError
    with pytest.raises(ValueError, match="closed"):
        encoder.feed(HALF_SECOND)
