"""The Kokoro engine: its voices, what it needs, and speech from a network that sounds a tone for each phoneme.

The tone model has Kokoro's inputs and outputs and is loaded by the product's own code; the checkpoint's true network is
tested where PyTorch is installed (test_kokoro_torch.py).
"""

import importlib
import json
import threading
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from speech.audio.loudness import measure_lufs
from speech.engines.base import EngineUnavailable, PermanentEngineError, Segment, TransientEngineError
from speech.engines.kokoro import KokoroEngine, chunks, english, files, pauses, runtimes
from speech.engines.kokoro.fair_lock import FairLock
from speech.engines.kokoro.g2p import Readers
from speech.engines.kokoro.phonemes import MAX_PHONEMES, VOCABULARY, numbers, runs, spoken_phonemes
from speech.engines.kokoro.voices import engine_voices
from tests.support import kokoro_files
from tests.support.waiting import wait_for

BELLA = "kokoro:en-US-Kokoro-Bella"
SENTENCE = "The quick brown fox jumps over the lazy dog."


@pytest.fixture
def model(tmp_path: Path, settings: Any) -> Path:
    settings.KOKORO_MODEL_DIR = tmp_path / "kokoro"
    kokoro_files.tone_model(settings.KOKORO_MODEL_DIR)
    kokoro_files.packs(settings.KOKORO_MODEL_DIR)
    return tmp_path / "kokoro"


@pytest.fixture
def engine(model: Path) -> Any:
    engine = KokoroEngine()
    yield engine
    engine.close()


def speak(
    engine: KokoroEngine, text: str, *, voice: str = "af_bella", language: str = "en-US", speed: float = 1.0
) -> bytes:
    return b"".join(engine.speak(Segment(text=text, engine_voice=voice, language=language, speed=speed)))


# --- the table of voices -------------------------------------------------------------------------


def test_there_are_54_voices_in_nine_languages(engine: KokoroEngine):
    entries = engine.voices()
    assert len(entries) == len({entry.voice_id for entry in entries}) == len(set(engine_voices())) == 54
    assert sorted({entry.language for entry in entries}) == [
        *("en-GB", "en-US", "es-ES", "fr-FR", "hi-IN", "it-IT", "ja-JP", "pt-BR", "zh-CN")
    ]
    bella = next(entry for entry in entries if entry.voice_id == BELLA)
    assert (bella.engine_voice, bella.gender, bella.native_rate_hertz) == ("af_bella", "female", 24_000)
    assert (bella.supports_speed, bella.supports_ssml, bella.supports_streaming) == (True, False, True)
    assert (bella.max_text_bytes, bella.max_stream_bytes) == (500_000, 100_000)
    assert [entry.unavailable_reason for entry in entries] == [""] * 54


def test_the_voices_rank_by_their_authors_grades(engine: KokoroEngine):
    entries = sorted(engine.voices(), key=lambda entry: entry.rank)
    assert {entry.quality for entry in entries} == {"natural"}
    graded = [(entry.name, entry.characteristics.get("grade", "")) for entry in entries]
    assert graded[:5] == [("Heart", "A"), ("Bella", "A-"), ("Michael", "C+"), ("Emma", "B-"), ("George", "C")]
    assert set(graded[5:7]) == {("Nicole", "B-"), ("Siwis", "B-")}
    assert graded[-1] == ("Adam", "F+")
    best_to_worst = ["A", "A-", "B-", "C+", "C", "C-", "", "D+", "D", "D-", "F+"]
    places = [best_to_worst.index(grade) for _, grade in graded[5:]]
    assert places == sorted(places)
    ungraded = {entry.language for entry in entries if "grade" not in entry.characteristics}
    assert ungraded == {"es-ES", "pt-BR"}  # as the author's table has it


# --- text to phonemes ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "text", "phonemes"),
    [
        ("en-US", "Hello, world!", "həlˈO, wˈɜɹld!"),
        ("en-GB", "Hello, world!", "həlˈQ, wˈɜːld!"),
        ("en-US", "It costs $12.50.", "ˌɪt kˈɔsts twˈɛlv dˈɑləɹz fˈɪfti sˈɛnts."),
        ("en-US", "I am here.", "ˌI ɐm hˈɪɹ."),
        ("en-US", "Kokorofy", "kˈɑkɔɹˌɑfI"),  # in no dictionary
        ("es-ES", "Hola, ¿qué tal?", "ˈola, kˈe tˈal?"),
        ("fr-FR", "Bonjour le monde, à 3.5 %.", "bɔ̃ʒˈuʁ lə mˈɔ̃d, a tʁwˈa pwˌɛ̃ sˈɛ̃k puʁ sˈɑ̃."),
        ("hi-IN", "नमस्ते दुनिया।", "nəmˈʌsteː dˈʊnɪjˌaː."),
        ("it-IT", "Ciao, come stai?", "ʧˈao, kˌome stˈaj?"),
        ("pt-BR", "Olá, tudo bem?", "olˈa, tˈudʊ bˈAŋ?"),
        ("ja-JP", "こんにちは、世界。", "koɴniʨiwa, sekai."),
        ("zh-CN", "你好，世界。", "ni↓xau↓, ʂɨ↘ʨje↘."),
    ],
)
def test_each_language_is_read_by_its_own_reader(language: str, text: str, phonemes: str, readers: Readers):
    assert spoken_phonemes(readers.phonemes(text, language)) == phonemes


@pytest.fixture(scope="module")
def readers() -> Any:
    readers = Readers()
    yield readers
    readers.close()


@pytest.mark.parametrize("text", ["", " \n", "…", "!?", "()", "\u200b"])
def test_a_text_without_words_has_no_phonemes(text: str, readers: Readers):
    for language in ("en-US", "fr-FR", "ja-JP", "zh-CN"):
        assert spoken_phonemes(readers.phonemes(text, language)) == ""


def test_a_customers_brackets_are_no_phonemes(readers: Readers):
    assert "zzz" not in readers.phonemes("See [this](/zzzzz/) now.", "en-US")


def test_phonemes_become_the_numbers_of_the_published_table():
    assert len(VOCABULARY) == 114
    assert numbers("həlˈO!") == [0, 50, 83, 54, 156, 31, 5, 0]
    assert spoken_phonemes("gᶄa☃") == "ɡkʲa"


def test_no_run_is_longer_than_the_model_takes_and_nothing_is_lost():
    for text in ("a" * 1500, "ab cd. " * 300, "ab, cd " * 300, "ab cd " * 300):
        cut = list(runs(text.strip()))
        assert max(map(len, cut)) <= MAX_PHONEMES
        assert "".join(cut).replace(" ", "") == text.replace(" ", "")
    assert list(runs("")) == []
    assert all(run.endswith(".") for run in runs(("ab cd. " * 300).strip()))


# --- chunks --------------------------------------------------------------------------------------


def test_a_first_clause_comes_first_then_sentences():
    text = (
        "When the long winter was over at last, the people of the valley came out of their houses, one by one, and "
        "looked at the sky. It was blue. Nobody said a word."
    )
    pieces = [piece.text for piece in chunks.split(text, "en-US")]
    assert pieces[0] == "When the long winter was over at last, "
    assert pieces[-1] == "Nobody said a word."
    assert len(pieces) == 4
    assert [piece.text for piece in chunks.split("A short one. And another.", "en-US")] == [
        "A short one. ",
        "And another.",
    ]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("word " * 1000, "en-US"),
        ("x" * 3000, "en-US"),
        ("Clause one, clause two; clause three: " * 60, "en-US"),
        ("長い文章が続き、" * 200, "ja-JP"),
        ("\n\n  First.\n\nSecond, and more.\n", "en-US"),
        (" ", "en-US"),
    ],
)
def test_pieces_are_short_and_together_the_text(text: str, language: str):
    pieces = list(chunks.split(text, language))
    assert "".join(piece.text for piece in pieces) == text
    assert sum(piece.source_chars for piece in pieces) == len(text)
    assert max(len(piece.text) for piece in pieces) <= chunks.MAX_CHARS
    assert len(pieces[0].text) <= chunks.MAX_CHARS


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("All human beings are born free and equal in dignity and rights.", 1),
        ("I left my umbrella on the train this morning, so I walked home.", 1),
        ("Your verification code for signing in to the customer portal is 493 817.", 1),
        ("The committee will publish its final report on the bridge on Monday.", 1),
        ("Well... I think so... maybe.", ["Well... ", "I think so... ", "maybe."]),
        ("Wait… what? From 1...10.", ["Wait… ", "what? ", "From 1...10."]),
        ("Milk\nBread\nEggs\nButter\n", ["Milk\n", "Bread\n", "Eggs\n", "Butter", "\n"]),
        ("One.\n\nTwo.", ["One.\n\n", "Two."]),
        (
            "A text that a mail program broke into lines of\nsome forty or fifty characters is read as if it\nwere on "
            "one line. A short line ends.\nThen another.",
            [
                "A text that a mail program broke into lines of\nsome forty or fifty characters is read as if "
                "it\nwere on one line. ",
                "A short line ends.\n",
                "Then another.",
            ],
        ),
        (
            "The people who live in the houses near the old harbour hardly slept because the trucks passed all night.",
            [
                "The people who live in the houses near the old harbour hardly slept ",
                "because the trucks passed all night.",
            ],
        ),
    ],
)
def test_a_text_is_cut_where_a_speaker_breathes(text: str, pieces: list[str] | int):
    found = [piece.text for piece in chunks.split(text, "en-US")]
    assert found == pieces if isinstance(pieces, list) else len(found) == pieces


# --- speech --------------------------------------------------------------------------------------


def test_a_sentence_is_as_long_as_its_phonemes(engine: KokoroEngine):
    pcm = speak(engine, SENTENCE)
    count = len(numbers(spoken_phonemes(Readers().phonemes(SENTENCE, "en-US"))))
    silence_ms = pauses.SENTENCE_MS - pauses.BEFORE_MS
    assert len(pcm) / 48 == pytest.approx(count * kokoro_files.TONE_SAMPLES / 24 + silence_ms, abs=10)
    samples = np.frombuffer(pcm, "<i2") / 32768
    assert measure_lufs(samples, 24_000) == pytest.approx(-18.0, abs=0.5)
    assert speak(engine, SENTENCE) == pcm
    assert speak(engine, "…") == b""


@pytest.mark.parametrize("speed", [0.25, 0.5, 1.5, 2.0, 4.0])
def test_speed_is_true_also_beyond_what_the_model_paces(engine: KokoroEngine, speed: float):
    assert len(speak(engine, SENTENCE)) / len(speak(engine, SENTENCE, speed=speed)) == pytest.approx(speed, rel=0.04)


def test_a_long_sentence_is_spoken_in_runs(engine: KokoroEngine):
    text = "one thousand two hundred and thirty four " * 40  # 1,640 code points: several runs
    seconds = len(speak(engine, text)) / 48_000
    assert seconds > MAX_PHONEMES * 0.075 * 2


def test_other_formats_and_voices_are_refused(engine: KokoroEngine):
    with pytest.raises(PermanentEngineError):
        speak(engine, SENTENCE, voice="../af_bella")
    with pytest.raises(PermanentEngineError):
        next(engine.speak(Segment(text="<p/>", engine_voice="af_bella", language="en-US", text_format="ssml")))


def test_threads_take_turns_in_the_order_of_asking():
    turns, order = FairLock(), list[int]()
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with turns.mine():
            held.set()
            release.wait(10)

    def ask(number: int) -> None:
        with turns.mine():
            order.append(number)

    first = threading.Thread(target=hold)
    first.start()
    held.wait(10)
    others = []
    for number in range(5):
        thread = threading.Thread(target=ask, args=(number,))
        thread.start()
        others.append(thread)
        asked = partial(lambda wanted: turns._next_number == wanted, number + 2)
        wait_for(asked, "the thread to ask")
    release.set()
    for thread in [first, *others]:
        thread.join(10)
    assert order == [0, 1, 2, 3, 4]


def test_what_a_first_request_would_wait_for_is_loaded_at_the_start(engine: KokoroEngine, monkeypatch: Any):
    engine.warm_up()
    monkeypatch.delattr(runtimes, "load")
    monkeypatch.delattr(english, "make_reader")
    assert speak(engine, SENTENCE)


def test_the_chinese_word_list_is_kept_where_no_other_user_can_write(tmp_path: Path, settings: Any, monkeypatch: Any):
    words = importlib.import_module("jieba").dt
    monkeypatch.setattr(words, "initialized", False)
    monkeypatch.setattr(words, "tmp_dir", None)
    settings.DATA_DIR = tmp_path
    assert Readers().phonemes("夜车九点出发。", "zh-CN")
    assert (tmp_path / "jieba").stat().st_mode & 0o777 == 0o700
    assert [file.name for file in (tmp_path / "jieba").iterdir()] == ["jieba.cache"]


# --- what is missing or damaged ------------------------------------------------------------------


def test_without_a_model_it_is_unavailable_and_says_what_to_do(tmp_path: Path, settings: Any):
    settings.KOKORO_MODEL_DIR = tmp_path / "nothing"
    engine = KokoroEngine()
    assert engine.unavailable_reason() == "the model is not installed: model.onnx is missing; run `make kokoro`"
    with pytest.raises(EngineUnavailable, match="is missing"):
        engine.warm_up()
    assert len(engine.voices()) == 54


def test_a_file_that_is_shorter_than_it_was_installed_is_noticed_at_a_glance(model: Path):
    size = (model / "model.onnx").stat().st_size
    (model / "installed.json").write_text(json.dumps({"model.onnx": {"bytes": size + 1, "sha256": ""}}))
    assert KokoroEngine().unavailable_reason().startswith(f"model.onnx is {size:,} bytes instead of {size + 1:,}")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ("truncated", "model.onnx is corrupted or not a model"),
        ("text", "model.onnx is corrupted or not a model"),
        ("foreign", "model.onnx is a different model"),
        ("broken", "the model produces no audio"),
    ],
)
def test_a_damaged_or_foreign_model_is_not_loaded(model: Path, damage: str, reason: str):
    path = model / "model.onnx"
    match damage:
        case "truncated":
            path.write_bytes(path.read_bytes()[:300])
        case "text":
            path.write_bytes(b"not a model")
        case _:
            kokoro_files.tone_model(model, **{damage: True})
    with pytest.raises(EngineUnavailable, match=reason):
        KokoroEngine().warm_up()


def test_a_model_that_falls_silent_is_a_failure_and_no_audio(model: Path):
    kokoro_files.tone_model(model, silent=True)
    with pytest.raises(TransientEngineError, match="produced no audio"):
        speak(KokoroEngine(), SENTENCE)


def test_a_voice_whose_pack_is_missing_or_damaged_is_unavailable_alone(model: Path):
    (model / "voices" / "af_bella.bin").unlink()
    (model / "voices" / "af_heart.bin").write_bytes(b"short")
    np.full(files.PACK_SHAPE, np.nan, "<f4").tofile(model / "voices" / "af_sky.bin")
    engine = KokoroEngine()
    reasons = {entry.engine_voice: entry.unavailable_reason for entry in engine.voices() if entry.unavailable_reason}
    assert reasons == {
        "af_bella": "its voice pack is not installed; run `make kokoro`",
        "af_heart": "its voice pack is 5 bytes instead of 522,240; run `make kokoro`",
    }
    for voice in ("af_bella", "af_heart", "af_sky"):
        with pytest.raises(EngineUnavailable):
            speak(engine, SENTENCE, voice=voice)
    assert speak(engine, SENTENCE, voice="am_michael")


def test_a_language_whose_reader_is_missing_says_so(model: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("speech.engines.kokoro.g2p.PACKAGES", {"j": ("no_such_package",)})
    reasons = {entry.language: entry.unavailable_reason for entry in KokoroEngine().voices()}
    assert (
        reasons.pop("ja-JP") == "Japanese (Japan) needs the packages of requirements-kokoro-cjk.txt (no_such_package)"
    )
    assert set(reasons.values()) == {""}
