"""Audio files are complete and have true sizes in their headers, or do not exist."""

import hashlib
import struct
import wave
from collections.abc import Iterator
from pathlib import Path

import mutagen
import mutagen.mp3
import numpy as np
import pytest
import soundfile

from speech.audio import wav as wav_module
from speech.audio.encoder import Encoder
from speech.audio.files import AudioFile, AudioTooLong, EncodedFile, encode_file
from speech.audio.formats import FORMATS, Encoding, resolve_encoding
from tests.support.audio import (
    decode_audio,
    measure_audio,
    mp3_frames,
    rms_dbfs,
    silence_pcm,
    speech_like_pcm,
    without_header,
)

SECOND = speech_like_pcm(1.0, 22050)
WAV = Encoding("wav", 22050, None, 1)
MP3 = Encoding("mp3", 24000, 64, 1)
OPUS = Encoding("ogg_opus", 48000, 64, 1)
FLAC = Encoding("flac", 22050, None, 1)
AAC = Encoding("aac", 24000, 96, 1)
PCM = Encoding("pcm", 24000, None, 1)


def test_a_stored_wav_has_true_sizes_byte_by_byte(tmp_path: Path) -> None:
    path = tmp_path / "speech.wav"

    finished = encode_file([SECOND], path, WAV, input_rate_hertz=22050)

    assert finished == EncodedFile(duration_ms=1000, size_bytes=44_144)
    assert (
        path.read_bytes()
        == (
            b"RIFF\x68\xac\x00\x00WAVE"  # 44,136 bytes follow
            b"fmt \x10\x00\x00\x00\x01\x00\x01\x00"
            b"\x22\x56\x00\x00\x44\xac\x00\x00\x02\x00\x10\x00"
            b"data\x44\xac\x00\x00"  # 44,100
        )
        + SECOND
    )


def test_the_standard_library_opens_a_stored_wav(tmp_path: Path) -> None:
    path = tmp_path / "speech.wav"
    encode_file([SECOND[:1001], SECOND[1001:]], path, WAV, input_rate_hertz=22050)

    with wave.open(str(path)) as opened:
        assert opened.getparams()[:4] == (1, 2, 22050, 22050)  # channels, bytes, rate, frames
        assert opened.readframes(30_000) == SECOND


@pytest.mark.parametrize("encoding", [WAV, MP3, OPUS, FLAC, AAC])
def test_a_file_plays_for_as_long_as_it_says(encoding: Encoding, tmp_path: Path) -> None:
    path = tmp_path / "speech"

    finished = encode_file([SECOND, SECOND[:22050]], path, encoding, input_rate_hertz=22050)

    assert finished.duration_ms == (1536 if encoding == AAC else 1500)
    assert finished.size_bytes == path.stat().st_size
    assert measure_audio(path).duration_seconds == finished.duration_ms / 1000


def every_encoding() -> Iterator[Encoding]:
    for output_format, spec in FORMATS.items():
        for rate_hertz, kbps in spec.bitrates_kbps.items():
            for bitrate_kbps in {kbps[0], kbps[-1]} if kbps else {None}:
                yield resolve_encoding(
                    output_format=output_format,
                    engine_rate_hertz=24000,
                    sample_rate_hertz=rate_hertz,
                    bitrate_kbps=bitrate_kbps,
                )


@pytest.mark.parametrize("encoding", list(every_encoding()), ids=str)
def test_every_reader_finds_the_length_that_we_tell(encoding: Encoding, tmp_path: Path) -> None:
    path = tmp_path / f"speech{encoding.file_extension}"
    pcm = speech_like_pcm(1.2345, 24000)
    told = encode_file([pcm], path, encoding, input_rate_hertz=24000).duration_ms / 1000

    if encoding.output_format == "aac":  # whole frames
        frames = -(-round(1.2345 * encoding.sample_rate_hertz) // 1024)
        assert told == pytest.approx(frames * 1024 / encoding.sample_rate_hertz, abs=0.0005)
    else:
        assert told == pytest.approx(1.2345, abs=0.0006)
    if encoding.output_format == "pcm":
        assert path.stat().st_size / 2 / encoding.sample_rate_hertz == pytest.approx(told, abs=0.001)
        return
    assert measure_audio(path).duration_seconds == pytest.approx(told, abs=0.001)
    assert mutagen.File(path).info.length == pytest.approx(told, abs=0.001)
    if encoding.output_format != "aac":  # libsndfile does not read it
        samples, rate_hertz = soundfile.read(path)
        assert len(samples) / rate_hertz == pytest.approx(told, abs=0.001)


@pytest.mark.parametrize("rate_hertz", FORMATS["flac"].bitrates_kbps)
def test_a_stored_flac_says_its_samples_and_their_md5(rate_hertz: int, tmp_path: Path) -> None:
    path, wav_path = tmp_path / "speech.flac", tmp_path / "speech.wav"
    for to, output_format in ((path, "flac"), (wav_path, "wav")):
        encode_file([SECOND], to, Encoding(output_format, rate_hertz, None, 1), input_rate_hertz=22050)
    info = mutagen.File(path).info
    samples = wav_path.read_bytes()[44:]

    assert (info.total_samples, info.sample_rate, info.channels) == (len(samples) // 2, rate_hertz, 1)
    assert info.md5_signature == int.from_bytes(hashlib.md5(samples, usedforsecurity=False).digest(), "big")
    smallest, largest = (int.from_bytes(path.read_bytes()[at : at + 3], "big") for at in (12, 15))
    assert 0 < smallest <= largest < path.stat().st_size


@pytest.mark.parametrize("rate_hertz", FORMATS["mp3"].bitrates_kbps)
def test_a_stored_mp3_begins_with_lames_tag(rate_hertz: int, tmp_path: Path) -> None:
    path = tmp_path / "speech.mp3"
    for kbps in FORMATS["mp3"].bitrates_kbps[rate_hertz]:
        encode_file([SECOND], path, Encoding("mp3", rate_hertz, kbps, 1), input_rate_hertz=22050)
        mp3 = path.read_bytes()
        frame_samples = 1152 if rate_hertz >= 32000 else 576
        tag = mp3[21 if rate_hertz >= 32000 else 13 :]
        frames, size_bytes = struct.unpack(">II", tag[8:16])
        delays = int.from_bytes(tag[141:144], "big")

        assert (tag[:8], tag[120:129]) == (b"Info\0\0\0\x0f", b"LAME3.100"), kbps
        assert (frames, size_bytes) == (len(mp3_frames(mp3)) - 1, len(mp3)), kbps
        assert delays >> 12 == 576, kbps
        assert frames * frame_samples - 576 - (delays & 0xFFF) == rate_hertz, kbps
        assert mutagen.File(path).info.bitrate == pytest.approx(1000 * kbps, abs=1000), kbps
        assert mutagen.File(path).info.bitrate_mode == mutagen.mp3.BitrateMode.CBR, kbps


@pytest.mark.parametrize("rate_hertz", [8000, 24000, 44100])
def test_an_mp3_begins_with_the_first_sample_of_the_speech(rate_hertz: int, tmp_path: Path) -> None:
    pcm = speech_like_pcm(1.0, rate_hertz)
    path = tmp_path / "speech.mp3"
    encode_file([pcm], path, Encoding("mp3", rate_hertz, 64, 1), input_rate_hertz=rate_hertz)
    wanted = np.frombuffer(pcm, "<i2") / 32768
    got = decode_audio(path)[1][0]

    errors = {shift: float(np.mean((wanted - np.roll(got, shift))[100:-100] ** 2)) for shift in range(-3, 4)}
    assert min(errors, key=errors.__getitem__) == 0


def test_an_aac_loses_nothing_of_speech_that_begins_after_30_ms(tmp_path: Path) -> None:
    pcm = silence_pcm(0.03, 24000) + speech_like_pcm(1.0, 24000)
    path = tmp_path / "speech.aac"
    encode_file([pcm], path, AAC, input_rate_hertz=24000)
    wanted = np.frombuffer(pcm, "<i2") / 32768
    error = wanted - decode_audio(path)[1][0][: len(wanted)]

    begins = slice(720, 720 + 1024)
    assert rms_dbfs(error[begins]) < rms_dbfs(wanted[begins]) - 30
    assert rms_dbfs(error[:720]) < -50


def test_what_was_streamed_is_what_is_stored_but_for_a_header_of_the_same_size(tmp_path: Path) -> None:
    for encoding in (WAV, MP3, OPUS, FLAC, AAC, PCM):
        path = tmp_path / f"speech{encoding.file_extension}"
        with (
            AudioFile(path, encoding) as file,
            Encoder(encoding, input_rate_hertz=22050, streaming=True) as e,
        ):
            streamed = e.feed(SECOND) + e.close()
            file.write(streamed)
            assert file.finish(e.header) == len(streamed)
        stored = path.read_bytes()
        assert len(stored) == len(streamed)
        assert without_header(stored) == without_header(streamed)
        assert (stored == streamed) == (encoding in (OPUS, AAC, PCM))


def test_a_new_file_replaces_an_older_and_longer_one(tmp_path: Path) -> None:
    path = tmp_path / "speech.wav"
    encode_file([SECOND], path, WAV, input_rate_hertz=22050)

    encode_file([SECOND[:2]], path, WAV, input_rate_hertz=22050)

    assert path.stat().st_size == 46


def test_a_wav_that_its_header_cannot_describe_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert wav_module.WAV_FILE_BYTES_MAX == 4 * 1024**3 - 1
    monkeypatch.setattr(wav_module, "WAV_FILE_BYTES_MAX", 44 + 44_100)
    fed = 0

    def pcm_without_end() -> Iterator[bytes]:
        nonlocal fed
        while True:
            fed += len(SECOND)
            yield SECOND

    assert encode_file([SECOND], tmp_path / "fits.wav", WAV, input_rate_hertz=22050).size_bytes == 44_144
    with pytest.raises(AudioTooLong) as refused:
        encode_file(pcm_without_end(), tmp_path / "long.wav", WAV, input_rate_hertz=22050)

    assert refused.value.message == (
        "The audio exceeds the 4 GiB limit of WAV files. Use mp3 or ogg_opus, or shorten the text."
    )
    assert fed == 2 * len(SECOND)
    assert [path.name for path in tmp_path.iterdir()] == ["fits.wav"]


def test_a_wav_that_grew_too_long_removes_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wav_module, "WAV_FILE_BYTES_MAX", 100)
    file = AudioFile(tmp_path / "long.wav", WAV)
    file.write(bytes(100))

    with pytest.raises(AudioTooLong):
        file.write(b"\x00")

    assert list(tmp_path.iterdir()) == []


def test_only_wav_has_that_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wav_module, "WAV_FILE_BYTES_MAX", 100)

    assert encode_file([SECOND], tmp_path / "a.mp3", MP3, input_rate_hertz=22050).size_bytes > 100


@pytest.mark.parametrize("encoding", [WAV, MP3, OPUS])
def test_an_engine_that_fails_halfway_leaves_no_file(encoding: Encoding, tmp_path: Path) -> None:
    def failing() -> Iterator[bytes]:
        yield SECOND
        raise ConnectionError

    with pytest.raises(ConnectionError):
        encode_file(failing(), tmp_path / "speech", encoding, input_rate_hertz=22050)

    assert list(tmp_path.iterdir()) == []


def test_pcm_that_ends_inside_a_sample_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="middle of a sample"):
        encode_file([SECOND[:-1]], tmp_path / "speech.wav", WAV, input_rate_hertz=22050)

    assert list(tmp_path.iterdir()) == []


def test_abort_removes_an_unfinished_file_and_keeps_a_finished_one(tmp_path: Path) -> None:
    unfinished = AudioFile(tmp_path / "unfinished.mp3", MP3)
    unfinished.write(b"frames")
    unfinished.abort()
    unfinished.abort()
    finished = AudioFile(tmp_path / "finished.mp3", MP3)
    finished.write(b"frames")
    finished.finish(b"")
    finished.abort()

    assert [path.name for path in tmp_path.iterdir()] == ["finished.mp3"]
    assert (tmp_path / "finished.mp3").read_bytes() == b"frames"
