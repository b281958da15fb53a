"""English pronunciation: parts of speech, meanings, and what happens without the tagger."""

import hashlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from speech.engines.kokoro import files
from speech.engines.kokoro.g2p import Readers
from speech.engines.kokoro.phonemes import spoken_phonemes
from speech.engines.kokoro.sources import TAGGER
from tests.support.real_kokoro import model_dir_or_skip


@pytest.fixture(scope="module")
def kept_readers() -> Iterator[Readers]:
    readers = Readers()
    yield readers
    readers.close()


@pytest.fixture
def readers(kept_readers: Readers, settings: Any) -> Readers:
    settings.KOKORO_MODEL_DIR = model_dir_or_skip()
    if not (settings.KOKORO_MODEL_DIR / files.TAGGER_FILE).is_file():
        pytest.skip("the English tagger is not installed")
    return kept_readers


@pytest.mark.parametrize(
    ("text", "phonemes"),
    [
        ("Where do you live?", "wˌɛɹ dˈu ju lˈɪv?"),
        ("I live in Paris.", "ˌI lˈɪv ɪn pˈɛɹəs."),
        ("The live music was great.", "ðə lˈIv mjˈuzɪk wʌz ɡɹˈAt."),
        ("Please record the record.", "plˈiz ɹəkˈɔɹd ðə ɹˈɛkəɹd."),
        ("We desert the desert.", "wˌi dəzˈɜɹt ðə dˈɛzəɹt."),
        ("I object to that object.", "ˌI əbʤˈɛkt tə ðˈæt ˈɑbʤəkt."),
        (
            "I read it yesterday and will read it tomorrow.",
            "ˌI ɹˈɛd ɪt jˈɛstəɹdˌA ænd wɪl ɹˈid ɪt təmˈɑɹO.",
        ),
        ("Have you read it?", "hˌæv ju ɹˈɛd ɪt?"),
        ("People use it.", "pˈipᵊl jˈuz ɪt."),
        ("Please excuse me.", "plˈiz ɪkskjˈuz mˌi."),
        ("She sat close to me.", "ʃˌi sˈæt klˈOs tə mˌi."),
        ("I have to house them.", "ˌI hæv tə hˈWz ðˌɛm."),
        ("Close the door, please.", "klˈOz ðə dˈɔɹ, plˈiz."),
        ("She wound the bandage around the wound.", "ʃˌi wˈWnd ðə bˈændɪʤ əɹˈWnd ðə wˈund."),
        ("Polish the table. Polish people live here.", "pˈɑlɪʃ ðə tˈAbᵊl. pˈOlɪʃ pˈipᵊl lˈɪv hˈɪɹ."),
        ("He plays the bass.", "hˌi plˈAz ðə bˈAs."),
        ("We caught a bass in the lake.", "wˌi kˈɔt ɐ bˈæs ɪn ðə lˈAk."),
        ("Lead the way to the lead pipe.", "lˈid ðə wˈA tə ðə lˈɛd pˈIp."),
        ("For the sake of peace, drink sake in Japan.", "fˌɔɹ ðə sˈAk ʌv pˈis, dɹˈɪŋk sˈɑki ɪn ʤəpˈæn."),
        ("I’m sure it’s fine.", "ˌIm ʃˈʊɹ ɪts fˈIn."),
        ('He said "hello" to me.', "hˌi sˈɛd “həlˈO” tə mˌi."),
    ],
)
def test_homographs_sound_as_they_are_meant(text: str, phonemes: str, readers: Readers):
    assert spoken_phonemes(readers.phonemes(text, "en-US")) == phonemes


def test_british_homographs_sound_british(readers: Readers):
    spoken = spoken_phonemes(readers.phonemes("Please record the record, and polish the bow of the ship.", "en-GB"))
    assert spoken == "plˈiːz ɹɪkˈɔːd ðə ɹˈɛkɔːd, and pˈɒlɪʃ ðə bˈW ɒv ðə ʃˈɪp."


def test_every_word_has_its_place_in_the_text(readers: Readers):
    text = "Please  record (the) record; it is fine."
    read = readers.read(text, "en-US")
    assert [(read.said.text[word.start : word.end], word.phonemes) for word in read.readings] == [
        ("Please", "plˈiz "), ("record", "ɹəkˈɔɹd "), ("(", "("), ("the", "ðə"), (")", ") "),
        ("record", "ɹˈɛkəɹd"), (";", "; "), ("it", "ɪt "), ("is", "ɪz "), ("fine", "fˈIn"), (".", "."),
    ]  # fmt: skip


def test_without_the_tagger_english_is_read_by_a_short_table(tmp_path: Path, settings: Any):
    settings.KOKORO_MODEL_DIR = tmp_path
    readers = Readers()
    assert readers.phonemes("I am here to live.", "en-US") == "ˌI ɐm hˈɪɹ tə lˈIv."
    readers.close()


def test_a_tagger_that_was_changed_is_never_loaded(tmp_path: Path, settings: Any, caplog: pytest.LogCaptureFixture):
    settings.KOKORO_MODEL_DIR = tmp_path
    (tmp_path / TAGGER.name).write_bytes(b"\x00" * TAGGER.pin.size_bytes)
    readers = Readers()
    with caplog.at_level(logging.WARNING):
        assert readers.phonemes("I live.", "en-US") == "ˌI lˈIv."
    assert "was changed after it was installed, and is not used; run `make kokoro`" in caplog.text
    readers.close()


def test_a_tagger_that_is_installed_later_is_used_from_then_on(readers: Readers, tmp_path: Path, settings: Any):
    content = (settings.KOKORO_MODEL_DIR / TAGGER.name).read_bytes()
    assert hashlib.sha256(content).hexdigest() == TAGGER.pin.sha256
    settings.KOKORO_MODEL_DIR = tmp_path
    assert readers.phonemes("I live.", "en-US") == "ˌI lˈIv."
    (tmp_path / TAGGER.name).write_bytes(content)
    assert readers.phonemes("I live.", "en-US") == "ˌI lˈɪv."
