"""SSML from the request to the sound: refused before anything is charged or opened, or heard as it was written."""

import ctypes
import os
import struct
import threading
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from billing.models import LedgerEntry
from billing.selectors import get_balance
from speech.engines.base import PermanentEngineError, Segment
from speech.engines.espeak import EspeakEngine
from speech.engines.espeak.markup import Silence, Utterance, render
from speech.engines.espeak.voices import SPEAKERS
from speech.ssml import SsmlError, check_ssml
from tests.conftest import ApiClient
from tests.speech.test_ssml import well_formed
from tests.support.audio import measure_audio
from tests.support.engines import ANNIE, LEE, RATE_HERTZ, SENTENCES, level_db, median_pitch_hertz, speak
from tts.models import Job
from tts.services import lifecycle
from tts.storage import store
from tts.worker import pipeline
from tts.worker.lease import Lease

VOICE = "espeak:en-US-eSpeak-Annie"
# A worker lets go of its connection, and with it of what was not committed.
with_real_transactions = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture(scope="module")
def engine() -> Iterator[EspeakEngine]:
    engine = EspeakEngine()
    yield engine
    engine.close()


@pytest.fixture
def say(engine: EspeakEngine) -> Callable[..., bytes]:
    def say(ssml: str, *, voice: str = ANNIE, speed: float = 1.0) -> bytes:
        check_ssml(ssml)
        segment = Segment(text=ssml, engine_voice=voice, language="en-US", speed=speed, text_format="ssml")
        chunks = list(engine.speak(segment))
        assert all(chunk and len(chunk) % 2 == 0 for chunk in chunks)
        return b"".join(chunks)

    return say


def seconds(pcm: bytes) -> float:
    return len(pcm) / 2 / RATE_HERTZ


def submit(api: ApiClient, text: str, **fields: object) -> Any:
    body = {"text": text, "voice_id": VOICE, "format": "ssml"} | fields
    return api.post("/api/v1/tts", body).json()


def run(api: ApiClient, text: str, **fields: object) -> Job:
    """Submitted, claimed and worked on once."""
    answer = submit(api, text, **fields)
    assert answer["success"], answer
    job = lifecycle.claim_next_job(queue="speech.espeak")
    assert job is not None
    pipeline.run_job(job)
    job.refresh_from_db()
    return job


# --- files that a text names ----------------------------------------------------------------------


def make_wav(path: Path) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE_HERTZ, 0, "NONE", ""))
        file.writeframes(b"\x00\x40" * RATE_HERTZ)


def watch_openings(path: Path) -> int:
    """A descriptor that has something to read once anybody has opened the file (inotify(7))."""
    libc = ctypes.CDLL(None, use_errno=True)
    watch: int = libc.inotify_init1(os.O_NONBLOCK)
    assert watch >= 0
    assert libc.inotify_add_watch(watch, os.fsencode(path), 0x20) >= 0  # IN_OPEN
    return watch


def was_opened(watch: int) -> bool:
    try:
        return bool(os.read(watch, 4096))
    except BlockingIOError:
        return False


def make_malformed_riff(path: Path) -> None:
    path.write_bytes(
        b"RIFF" + struct.pack("<I", 0xFFFFFFF0) + b"WAVEfmt " + struct.pack("<I", 0x7FFFFFFF) + b"\xff" * 40
    )


@pytest.mark.parametrize(
    "markup",
    [
        "<speak>Hello <audio src='{}'/></speak>",
        "Hello <audio src='{}'>fallback</audio>",
        "<speak xml:base='{}'>Hello</speak>",
        "<speak><tts:audio src='{}'/>Hello</speak>",
        "<!DOCTYPE speak [<!ENTITY file SYSTEM '{}'>]><speak>&file;</speak>",
        "<!DOCTYPE speak SYSTEM '{}'><speak>Hello</speak>",
    ],
)
@pytest.mark.parametrize("kind", ["wav", "riff", "fifo"])
def test_a_file_that_a_text_names_is_refused_and_never_opened(
    db, api: ApiClient, account, voices, tmp_path: Path, markup: str, kind: str
) -> None:
    path = tmp_path / "sound.wav"
    if kind == "fifo":
        os.mkfifo(path)
    else:
        {"wav": make_wav, "riff": make_malformed_riff}[kind](path)
    before = get_balance(account).available_microcredits, LedgerEntry.objects.count()
    watch = watch_openings(path)
    answer = submit(api, markup.format(path))
    assert answer["error"]["code"] == "VALIDATION_ERROR"
    assert list(answer["error"]["details"]) == ["text"]
    assert "line 1, column " in answer["error"]["message"]
    assert (get_balance(account).available_microcredits, LedgerEntry.objects.count()) == before
    assert not Job.objects.exists()
    assert not was_opened(watch)
    if kind == "fifo":
        # A writer that does not wait finds no reader; a reader that waits for a writer would still be there.
        with pytest.raises(OSError, match="No such device or address"):
            os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    else:
        path.read_bytes()
        assert was_opened(watch)  # the watch works
    os.close(watch)


def test_the_engine_itself_opens_no_file_either(engine: EspeakEngine, tmp_path: Path) -> None:
    # Even if a caller forgets to check: the engine parses with the same allow-list.
    fifo = tmp_path / "sound.wav"
    os.mkfifo(fifo)
    segment = Segment(
        text=f"<speak>Hi <audio src='{fifo}'/></speak>", engine_voice=ANNIE, language="en-US", text_format="ssml"
    )
    with pytest.raises(PermanentEngineError, match="cannot be spoken"):
        list(engine.speak(segment))
    with pytest.raises(OSError, match="No such device or address"):
        os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    # And text that only looks like a tag, once it is unescaped, stays text.
    quoted = f"Hi &lt;audio src='{fifo}'/&gt; there"
    done = threading.Event()

    def speak_it() -> None:
        spoken = Segment(text=quoted, engine_voice=ANNIE, language="en-US", text_format="ssml")
        assert seconds(b"".join(engine.speak(spoken))) > 1
        done.set()

    thread = threading.Thread(target=speak_it, daemon=True)
    thread.start()
    thread.join(20)
    assert done.is_set()


# --- requests -------------------------------------------------------------------------------------


@with_real_transactions
def test_ssml_is_spoken_billed_with_its_markup_and_counted_to_the_end(committed_db, api: ApiClient, voices) -> None:
    text = "<speak><p>Good &amp; well. <break time='2s'/></p><!-- no sound --><p>Bye.</p></speak>"
    job = run(api, text)
    assert (job.status, job.chars_charged) == ("completed", len(text))
    with store.open_audio(job.audio_key) as file:
        audio = measure_audio(file.read())
    assert audio.longest_silence_seconds == pytest.approx(2.75, abs=0.8)
    assert audio.duration_seconds == pytest.approx(job.duration_ms / 1000, abs=0.1)


def test_plain_text_in_ssml_sounds_like_plain_text(say, engine: EspeakEngine) -> None:
    # But for the pause after a sentence.
    plain, ssml = speak(engine, SENTENCES), say(SENTENCES)
    assert seconds(ssml) == pytest.approx(seconds(plain) + 0.3, abs=0.15)
    assert median_pitch_hertz(ssml) == pytest.approx(median_pitch_hertz(plain), rel=0.03)


@with_real_transactions
def test_progress_counts_source_characters(committed_db, api: ApiClient, voices, monkeypatch) -> None:
    text = "<speak>" + "".join(f"<s>Sentence &#x31;{number}.</s>\n" for number in range(20)) + "</speak>"
    seen: list[int] = []
    exit_lease = Lease.__exit__

    def note(self: Lease, *arguments: object) -> None:
        seen.append(self.chars_done)
        exit_lease(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Lease, "__exit__", note)
    assert run(api, text).status == "completed"
    assert seen == [len(text)]


@pytest.mark.parametrize("text", ["<speak> </speak>", "<p></p>", "<!-- a -->"])
def test_ssml_without_words_is_refused(db, api: ApiClient, voices, text: str) -> None:
    answer = submit(api, text)
    assert answer["error"]["message"] == "text: The text contains nothing that can be spoken."
    assert not Job.objects.exists()


# --- the cap --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "speed", "asked", "allowed"),
    [
        ("<break time='10s'/>" * 7, 1.0, 70, 60),
        ("<break time='10s'/>" * 7, 4.0, 70, 60),
        ("<break time='10s'/>" * 2, 0.25, 80, 60),
        ("<s>One two</s>" + "<break time='10s'/>" * 7, 1.0, 71, 63),
        ("<s>One two</s>" + "<break time='10s'/>" * 7, 2.0, 71, 61),
        ("<p></p>" * 100 + "Hello", 1.0, 75, 61),  # each is a pause of its own
    ],
)
def test_breaks_longer_than_60_s_and_the_words_are_refused_and_cost_nothing(
    db, api: ApiClient, account, voices, text: str, speed: float, asked: int, allowed: int
) -> None:
    before = get_balance(account).available_microcredits
    answer = submit(api, text, speed=speed)
    assert answer["error"]["code"] == "VALIDATION_ERROR"
    assert answer["error"]["message"] == (
        f"text: The pauses add up to {asked} seconds. This text accepts at most {allowed}: 60 seconds, and 1.5 seconds"
        " for each spoken word at the speed asked for."
    )
    assert get_balance(account).available_microcredits == before
    assert not Job.objects.exists()


@with_real_transactions
@pytest.mark.parametrize("speed", [1.0, 4.0, 0.25])
def test_breaks_as_long_as_they_may_be_are_spoken(committed_db, api: ApiClient, voices, speed: float) -> None:
    job = run(api, "One two three four. " + "<break time='5s'/>" * int(12 * min(speed, 1)), speed=speed)
    assert job.status == "completed"
    assert job.duration_ms > 59_000 / max(speed, 1.0)


def test_one_break_of_four_hours_is_refused(db, api: ApiClient, voices) -> None:
    answer = submit(api, "<break time='14400s'/>")
    assert answer["error"]["message"] == "text: line 1, column 1: time of <break> must be at most 10s."


@with_real_transactions
def test_breaks_below_the_cap_are_silence_of_their_length(committed_db, api: ApiClient, voices) -> None:
    job = run(api, "<speak>" + "<break time='10s'/>" * 5 + "</speak>")
    assert (job.status, job.duration_ms) == ("completed", 50_000)


# --- what is heard --------------------------------------------------------------------------------


@pytest.mark.parametrize("voice", [ANNIE, LEE])
@pytest.mark.parametrize("break_s", ["2s", "2000ms", "2.0s"])
def test_a_break_is_as_long_as_it_says(say, voice: str, break_s: str) -> None:
    without = say("Somebody reads aloud when the evening comes.", voice=voice)
    with_break = say(f"Somebody reads aloud <break time='{break_s}'/> when the evening comes.", voice=voice)
    assert seconds(with_break) - seconds(without) == pytest.approx(2.0, rel=0.1)


@pytest.mark.parametrize("speed", [0.25, 0.5, 1.0, 1.14, 2.0, 4.0])
def test_speed_holds_for_breaks_too(say, speed: float) -> None:
    text = "<break time='1s'/>Somebody reads <break time='2s'/> aloud when the evening comes. <break time='3s'/>"
    assert seconds(say(text, speed=speed)) * speed == pytest.approx(seconds(say(text)), rel=0.05)


def test_breaks_in_a_row_add_up_wherever_they_stand(say) -> None:
    words = seconds(say("Hello."))
    assert seconds(say("<break time='1s'/>" * 4)) == 4
    assert seconds(say("<break time='1.5s'/><break time='500ms'/>Hello.")) == pytest.approx(words + 2, abs=0.01)
    assert seconds(say("Hello.<break time='1s'/><break time='1s'/>")) == pytest.approx(words + 2, abs=0.5)
    assert seconds(say("Hello <break time='1s'/><break time='1s'/> there.")) == pytest.approx(
        seconds(say("Hello there.")) + 2, abs=0.2
    )


def test_strengths_grow(say) -> None:
    lengths = [
        seconds(say(f"Somebody reads <break strength='{strength}'/> aloud."))
        for strength in ("none", "x-weak", "weak", "medium", "strong", "x-strong")
    ]
    assert lengths == sorted(lengths)
    assert lengths[-1] - lengths[0] == pytest.approx(0.8, abs=0.15)


@pytest.mark.parametrize("rate", [60, 80, 125, 160, 200, 300, 400])
def test_a_rate_is_true(say, rate: int) -> None:
    changed = say(f"<prosody rate='{rate}%'>{SENTENCES}</prosody>")
    assert seconds(say(SENTENCES)) / seconds(changed) == pytest.approx(rate / 100, rel=0.1)


def test_a_rate_multiplies_with_the_speed_and_with_the_rate_around_it(say) -> None:
    normal = seconds(say(SENTENCES))
    both = say(f"<prosody rate='150%'>{SENTENCES}</prosody>", speed=2.0)
    assert normal / seconds(both) == pytest.approx(3.0, rel=0.1)
    nested = say(f"<prosody rate='50%'><prosody rate='300%'>{SENTENCES}</prosody></prosody>")
    assert normal / seconds(nested) == pytest.approx(1.5, rel=0.1)
    assert normal / seconds(say(f"<prosody rate='20%'>{SENTENCES}</prosody>")) == pytest.approx(0.5, rel=0.1)


@pytest.mark.parametrize("speaker", SPEAKERS, ids=lambda speaker: speaker.name)
@pytest.mark.parametrize("semitones", [-9, -4, -2, 2, 4, 6, 20])
def test_a_pitch_is_true_as_far_as_the_voice_goes(say, speaker, semitones: int) -> None:
    voice = f"gmw/en-US+{speaker.variant}"
    changed = median_pitch_hertz(say(f"<prosody pitch='{semitones:+}st'>{SENTENCES}</prosody>", voice=voice))
    wanted = min(max(2 ** (semitones / 12), speaker.lowest), speaker.highest)
    assert changed / median_pitch_hertz(say(SENTENCES, voice=voice)) == pytest.approx(wanted, rel=0.07)


@pytest.mark.parametrize(
    ("volume", "decibels"), [("-12dB", -12), ("-6dB", -6), ("+3dB", 3), ("+12dB", 3.5), ("soft", -3.7)]
)
def test_a_volume_is_true_up_to_where_it_would_clip(say, volume: str, decibels: float) -> None:
    changed = say(f"<prosody volume='{volume}'>{SENTENCES}</prosody>")
    assert level_db(changed) - level_db(say(SENTENCES)) == pytest.approx(decibels, abs=1)


def test_emphasis_is_heard_and_loses_no_words(say) -> None:
    normal, strong, reduced = (
        say(f"<emphasis level='{level}'>{SENTENCES}</emphasis>") for level in ("none", "strong", "reduced")
    )
    assert level_db(strong) > level_db(normal) + 1
    assert level_db(reduced) < level_db(normal) - 1
    assert 0.95 * seconds(normal) < seconds(reduced) < seconds(strong) < 1.5 * seconds(normal)
    assert say("<emphasis>Yes</emphasis>") == say("<emphasis level='moderate'>Yes</emphasis>")


def levels_of_halves(pcm: bytes) -> tuple[float, float]:
    middle = len(pcm) // 4 * 2
    return level_db(pcm[:middle] + b"\1\0"), level_db(pcm[middle:] + b"\1\0")


@pytest.mark.parametrize("end", [".", "?", "!", "…", '."', ","])
@pytest.mark.parametrize("between", [" ", ""])
def test_a_prosody_ends_with_its_element_and_begins_with_it(say, end: str, between: str) -> None:
    words = "We are here now"
    silent = f"<prosody volume='silent'>{words}{end}</prosody>"
    first, second = levels_of_halves(say(f"{silent}{between}{words}."))
    assert first < second - 12
    assert second == pytest.approx(level_db(say(f"{words}.")), abs=2)
    first, second = levels_of_halves(say(f"{words}{end}{between}{silent}"))
    assert second < first - 12


@pytest.mark.parametrize("element", ["prosody rate='x-slow'", "emphasis level='strong'", "prosody pitch='x-high'"])
def test_an_effect_on_one_sentence_leaves_the_next_as_it_is(say, element: str) -> None:
    closed = f"<{element}>We are here now.</{element.split()[0]}>"
    assert say(f"{closed} We were there.").endswith(say("We were there.")[-RATE_HERTZ:])
    both = seconds(say(closed)) + seconds(say("We were there."))
    assert seconds(say(f"{closed} We were there.")) == pytest.approx(both, abs=0.1)
    assert seconds(say(f"We were there. {closed}")) == pytest.approx(both, abs=0.1)


def test_an_abbreviation_before_an_element_does_not_end_the_sentence(say) -> None:
    name = "Dr. <emphasis level='none'>Smith</emphasis> is here."
    assert seconds(say(name)) == pytest.approx(seconds(say("Dr. Smith is here.")), abs=0.1)


def test_a_mark_says_nothing_and_a_plain_rate_is_a_factor(say) -> None:
    assert say("Hello <mark name='a'/>there.") == say("Hello there.")
    assert say("<prosody rate='.8'>Hello there.</prosody>") == say("<prosody rate='80%'>Hello there.</prosody>")
    assert seconds(say("<break time='.5s'/>")) == 0.5


def test_emphasis_does_not_crash_the_library(say) -> None:
    assert seconds(say("<emphasis>c]Ė[ī</emphasis>", voice="roa/es+Annie")) > 1


def test_a_substitute_is_read_instead(say) -> None:
    assert say("<sub alias='World Wide Web Consortium'>W3C</sub>") == say("World Wide Web Consortium")
    assert say("<sub alias='a &lt;audio src=&quot;/x&quot;&gt;'>W3C</sub>") == say('a &lt;audio src="/x"&gt;')


def test_characters_are_spelled_and_digits_said_one_by_one(say) -> None:
    for spelled in ("characters", "spell-out", "verbatim"):
        assert seconds(say(f"<say-as interpret-as='{spelled}'>water</say-as>")) > 1.5 * seconds(say("water"))
    digits, number = (say(f"<say-as interpret-as='{kind}'>1234</say-as>") for kind in ("digits", "cardinal"))
    assert seconds(digits) < 0.9 * seconds(number)
    assert number == say("1234")
    assert digits == say("<say-as interpret-as='telephone'>1234</say-as>")


def test_a_phoneme_leaves_its_text(say) -> None:
    for alphabet in ("ipa", "x-sampa"):
        assert say(f"A <phoneme alphabet='{alphabet}' ph='t@meItoU'>potato</phoneme>.") == say("A potato.")


def test_another_voice_is_one_of_ours(say, engine: EspeakEngine) -> None:
    assert median_pitch_hertz(say(f"<voice gender='male'>{SENTENCES}</voice>")) < 120
    assert say("<voice gender='male'>Hello.</voice>") == say("Hello.", voice="gmw/en-US+michel")
    assert say("<voice gender='female'>Hello.</voice>") == say("Hello.")
    french = "Bonjour tout le monde."
    assert say(f"<voice xml:lang='fr-FR'>{french}</voice>") == say(french, voice="roa/fr+Annie")
    assert say(f"<p xml:lang='fr'>{french}</p>") == say(f"<p>{french}</p>", voice="roa/fr+Annie")
    assert say(f"<lang xml:lang='fr-FR'>{french}</lang>") == say(french, voice="roa/fr+Annie")
    assert say(f"<voice xml:lang='ja'>{french}</voice>") == say(french)
    assert say("<voice name='Linda'>Hello.</voice>") == say("Hello.", voice="gmw/en-US+linda")
    assert say("<voice name='/etc/passwd'>Hello.</voice>") == say("Hello.")
    assert seconds(say("One. <voice gender='male'>Two.</voice> Three.")) == pytest.approx(
        seconds(say("One. Two. Three.")), rel=0.15
    )


def test_paragraphs_and_sentences_end_with_a_pause(say) -> None:
    run_on = seconds(say("One two three four"))
    assert seconds(say("<s>One two</s><s>three four</s>")) - run_on == pytest.approx(0.55, abs=0.25)
    assert seconds(say("<p>One two</p><p>three four</p>")) - run_on == pytest.approx(1.2, abs=0.4)


def test_the_same_request_gives_the_same_bytes(say) -> None:
    text = "<p>One <emphasis>two</emphasis> <prosody rate='130%' pitch='+3st'>three.</prosody> <break/> Four.</p>"
    first = say(text, speed=1.3)
    say("<prosody pitch='high'><emphasis>Loud.</emphasis></prosody>", voice=LEE)
    assert say(text, speed=1.3) == first


def test_ssml_leaves_no_trace_in_the_plain_text_after_it(say, engine: EspeakEngine) -> None:
    before = speak(engine, SENTENCES)
    say("<prosody rate='300%' pitch='high' volume='soft'><emphasis>Loud and fast</emphasis></prosody>")
    assert speak(engine, SENTENCES) == before
    assert seconds(speak(engine, "<break time='5s'/>")) < 4


# --- what eSpeak gets -----------------------------------------------------------------------------


def test_espeak_gets_what_we_wrote() -> None:
    text = (
        "<speak xml:lang='en'>&lt;audio src='/x'/&gt; \x85<sub alias='a&lt;b'>c</sub>"
        "<prosody rate='50%' pitch='x-high' volume='+12dB'><voice gender='male'>d</voice></prosody></speak>"
    )
    assert list(render(text, ANNIE, rate_wpm=175)) == [
        Utterance(ANNIE, "&lt;audio src='/x'/&gt;  a&lt;b"),
        Utterance("gmw/en-US+michel", '<prosody rate="50%" pitch="77" volume="150">d</prosody></speak>'),
    ]
    assert list(render("<break time='1s'/>a<break time='2s'/><break/>b<break/>", ANNIE, rate_wpm=200)) == [
        Silence(1000),
        Utterance(ANNIE, 'a<break time="1934ms"/>b'),
        Silence(210),
    ]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(well_formed())
def test_whatever_is_taken_is_survived(engine: EspeakEngine, ssml: str) -> None:
    try:
        check_ssml(ssml)
    except SsmlError:
        return
    segment = Segment(text=ssml, engine_voice=ANNIE, language="en-US", text_format="ssml")
    assert len(b"".join(engine.speak(segment))) < 120 * RATE_HERTZ * 2
