"""Audio in a file: complete with true sizes, or not there."""

import wave
from collections.abc import Iterator
from pathlib import Path

import pytest

from speech.audio import wav as wav_module
from speech.audio.encoder import Encoder
from speech.audio.files import AudioFile, AudioTooLong, EncodedFile, encode_file
from speech.audio.formats import Encoding
from tests.support.audio import measure_audio, speech_like_pcm

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

    assert finished.duration_ms == 1500
    assert finished.size_bytes == path.stat().st_size
    assert measure_audio(path).duration_seconds == pytest.approx(1.5, abs=0.1)


def test_what_was_streamed_is_what_is_stored_but_for_the_sizes_of_a_wav(tmp_path: Path) -> None:
    for encoding in (WAV, MP3, OPUS, FLAC, AAC, PCM):
        path = tmp_path / f"speech{encoding.file_extension}"
        with (
            AudioFile(path, encoding) as file,
            Encoder(encoding, input_rate_hertz=22050, streaming=True) as e,
        ):
            streamed = e.feed(SECOND) + e.close()
            file.write(streamed)
            assert file.finish() == len(streamed)
        stored = path.read_bytes()
        assert len(stored) == len(streamed)
        assert stored[44:] == streamed[44:]
        assert (stored == streamed) == (encoding != WAV)


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
    finished.finish()
    finished.abort()

    assert [path.name for path in tmp_path.iterdir()] == ["finished.mp3"]
    assert (tmp_path / "finished.mp3").read_bytes() == b"frames"
