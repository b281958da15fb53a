"""WAV files that others wrote: their samples, wherever they begin, or an error; never noise."""

import struct

import pytest

from speech.audio.formats import Encoding
from speech.audio.wav import NotWav, read_wav, wav_header

PCM = bytes(range(200))
FORM = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, 24_000, 48_000, 2, 16)


def riff(*chunks: bytes) -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def data(samples: bytes = PCM, size: int | None = None) -> bytes:
    return b"data" + struct.pack("<I", len(samples) if size is None else size) + samples


def test_the_samples_and_their_kind_are_read():
    wav = read_wav(riff(FORM, data()))
    assert (wav.sample_rate_hertz, wav.channels, wav.bits_per_sample, wav.samples) == (24_000, 1, 16, PCM)


def test_what_we_write_ourselves_is_read():
    encoding = Encoding("wav", 48_000, None, 2)
    for size in (len(PCM), None):
        wav = read_wav(wav_header(encoding, data_bytes=size) + PCM)
        assert (wav.sample_rate_hertz, wav.channels, wav.samples) == (48_000, 2, PCM)


def test_other_chunks_are_passed_over_before_and_after():
    note = b"LIST" + struct.pack("<I", 5) + b"odd..\0"  # padded to an even length
    long_form = b"fmt " + struct.pack("<IHHIIHHH", 18, 1, 1, 24_000, 48_000, 2, 16, 0)
    assert read_wav(riff(note, long_form, note, data(), note)).samples == PCM


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"RIFF",
        b"ID3\x04" + PCM,
        b"<html>it works</html>",
        b"RIFX" + riff(FORM, data())[4:],
        riff(),
        riff(FORM),
        riff(data()),  # samples of nobody knows what
        riff(FORM[:4] + struct.pack("<I", 4) + b"abcd", data()),
        riff(FORM.replace(struct.pack("<HH", 1, 1), struct.pack("<HH", 3, 1), 1), data()),  # floats
        riff(FORM, data(size=201)),
        riff(FORM, data())[:-1],
        riff(b"LIST" + struct.pack("<I", 2**31), FORM, data()),
    ],
    ids=lambda content: repr(content[:12] + content[-8:]),
)
def test_what_is_cut_off_or_no_pcm_is_an_error(content: bytes):
    with pytest.raises(NotWav):
        read_wav(content)
