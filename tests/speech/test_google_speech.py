"""The Google engine against a server that speaks Google's protocol: what is asked, what comes back, and when."""

import logging

import pytest
from google.cloud import texttospeech_v1 as google

from speech.engines.base import EngineUnavailable, PermanentEngineError, Segment, TransientEngineError
from speech.engines.google import GoogleEngine
from tests.peers.google_peer import RATE_HERTZ, Cut, Garbage, GooglePeer, Half, Hang, Nothing, Refuse, Silence, say
from tests.support.google import ImpatientEngine, one_google_peer, peer  # noqa: F401
from tests.support.ports import free_port
from tests.support.waiting import wait_for

TEXT = "Good morning to everybody. It is a remarkably beautiful day, is it not?"


@pytest.fixture
def engine(peer: GooglePeer):  # noqa: F811
    engine = GoogleEngine()
    yield engine
    engine.close()


def segment(voice: str, text: str = TEXT, **fields) -> Segment:
    return Segment(**({"text": text, "engine_voice": voice, "language": "en-US"} | fields))


def speak(engine: GoogleEngine, segment: Segment) -> bytes:
    chunks = list(engine.speak(segment))
    assert all(chunk and len(chunk) % 2 == 0 for chunk in chunks)
    return b"".join(chunks)


# --- what is asked, and what comes back ----------------------------------------------------------


@pytest.mark.parametrize(
    "voice",
    ["en-US-Chirp-HD-F", "en-US-Studio-O", "en-US-Wavenet-A", "en-US-Casual-K", "en-US-News-N"],
)
def test_families_that_do_not_stream_answer_with_a_wav_whose_samples_we_take(engine, peer, voice):  # noqa: F811
    assert speak(engine, segment(voice)) == say(TEXT, "text", 1.0)
    (request,) = peer.unary
    assert (request.input.text, request.voice.name, request.voice.language_code) == (TEXT, voice, "en-US")
    assert request.audio_config.audio_encoding == google.AudioEncoding.LINEAR16
    assert (request.audio_config.sample_rate_hertz, request.audio_config.speaking_rate) == (RATE_HERTZ, 0.0)
    assert peer.streamed == []


def test_chirp_3_is_heard_as_it_is_made(engine, peer):  # noqa: F811
    peer.plan(Hang(after_chunks=2))
    spoken = engine.speak(segment("en-US-Chirp3-HD-Kore"))
    begun = next(spoken) + next(spoken)  # Google has not said the rest yet
    peer.release.set()
    assert begun + b"".join(spoken) == say(TEXT, "text", 1.0)
    ((config, source),) = peer.streamed
    assert (config.voice.name, config.voice.language_code, source.text) == ("en-US-Chirp3-HD-Kore", "en-US", TEXT)
    assert config.streaming_audio_config.audio_encoding == google.AudioEncoding.PCM
    assert peer.unary == []


def test_markup_and_ssml_go_into_fields_of_their_own(engine, peer):  # noqa: F811
    speak(engine, segment("en-US-Chirp3-HD-Kore", "Wait. [pause] Go.", text_format="markup"))
    assert (peer.streamed[0][1].markup, peer.streamed[0][1].text) == ("Wait. [pause] Go.", "")
    ssml = '<speak>Wait.<break time="300ms"/> Go.</speak>'
    assert speak(engine, segment("en-US-Wavenet-A", ssml, text_format="ssml")) == say(ssml, "ssml", 1.0)
    # Written by us: never a caller's own markup.
    written = '<speak>Wait.<break time="300ms"></break> Go.</speak>'
    assert (peer.unary[0].input.ssml, peer.unary[0].input.text) == (written, "")


@pytest.mark.parametrize(
    ("voice", "speed", "rate", "tempo"),
    [
        ("en-US-Chirp3-HD-Kore", 1.0, 0.0, 1.0),  # 0: not said
        ("en-US-Chirp3-HD-Kore", 1.5, 1.5, 1.0),
        ("en-US-Wavenet-A", 0.25, 0.25, 1.0),
        ("en-US-Wavenet-A", 2.0, 2.0, 1.0),
        ("en-US-Wavenet-A", 4.0, 2.0, 2.0),  # Google ends at 2, the rest is ours
        ("en-US-Chirp3-HD-Kore", 3.0, 2.0, 1.5),
    ],
)
def test_the_speed_is_googles_as_far_as_it_goes(engine, peer, voice, speed, rate, tempo):  # noqa: F811
    pcm = speak(engine, segment(voice, speed=speed))
    if peer.unary:
        assert peer.unary[0].audio_config.speaking_rate == rate
    else:
        assert peer.streamed[0][0].streaming_audio_config.speaking_rate == rate
    assert len(pcm) == pytest.approx(len(say(TEXT, "text", rate or 1.0)) / tempo, abs=0.1 * RATE_HERTZ)


def test_gemini_is_told_its_model_and_prompt_and_streams(engine, peer):  # noqa: F811
    speak(engine, segment("Kore", language="de-DE"))
    speak(engine, segment("Puck", model="gemini-2.5-pro-tts", prompt="Like a pirate."))
    (first, first_source), (second, second_source) = peer.streamed
    assert (first.voice.name, first.voice.language_code) == ("Kore", "de-DE")
    assert (first.voice.model_name, first_source.prompt) == ("gemini-2.5-flash-tts", "")
    assert (second.voice.name, second.voice.model_name) == ("Puck", "gemini-2.5-pro-tts")
    assert (second_source.text, second_source.prompt) == (TEXT, "Like a pirate.")


def test_gemini_reads_ssml_in_one_go_for_streams_have_no_field_for_it(engine, peer):  # noqa: F811
    text = "Go <!-- now -->&amp; <emphasis>come</emphasis>."
    speak(engine, segment("Kore", text, text_format="ssml", prompt="Softly."))
    (request,) = peer.unary
    assert request.input.ssml == "<speak>Go &amp; <emphasis>come</emphasis>.</speak>"
    assert request.input.prompt == "Softly."
    assert (request.voice.model_name, request.audio_config.speaking_rate) == ("gemini-2.5-flash-tts", 0.0)


def test_a_dialogue_is_turns_in_the_voices_of_two(engine, peer):  # noqa: F811
    text = "Speaker 1: Shall we?\nSpeaker 2: Gladly.\nspeaker1: Then come."
    pcm = speak(engine, segment("Kore", text, speakers=("Kore", "Puck"), prompt="At dusk."))
    ((config, source),) = peer.streamed
    assert [(turn.speaker, turn.text) for turn in source.multi_speaker_markup.turns] == [
        ("Speaker1", "Shall we?"),
        ("Speaker2", "Gladly."),
        ("Speaker1", "Then come."),
    ]
    speakers = config.voice.multi_speaker_voice_config.speaker_voice_configs
    assert [(voice.speaker_alias, voice.speaker_id) for voice in speakers] == [
        ("Speaker1", "Kore"),
        ("Speaker2", "Puck"),
    ]
    assert (config.voice.name, source.text, source.prompt) == ("", "", "At dusk.")
    assert pcm == b"".join(say(said, "text", 1.0) for said in ("Shall we?", "Gladly.", "Then come."))


@pytest.mark.parametrize("voice", ["", "en-US", "en-US-Journey-D", "kore", "Kore-Wavenet-A", "en-US-Wavenet-", "../x"])
def test_a_name_that_is_none_of_google_is_refused_before_google_is_asked(engine, peer, voice):  # noqa: F811
    with pytest.raises(PermanentEngineError, match="Google has no such voice"):
        list(engine.speak(segment(voice)))
    with pytest.raises(PermanentEngineError, match="Google has no such voice"):
        engine.sample_rate_hertz(voice)
    assert peer.asked == 0


# --- bad days ------------------------------------------------------------------------------------

EACH_WAY = pytest.mark.parametrize("voice", ["en-US-Wavenet-A", "en-US-Chirp3-HD-Kore"])


@EACH_WAY
@pytest.mark.parametrize(
    ("code", "kind", "message"),
    [
        ("INVALID_ARGUMENT", PermanentEngineError, "rejected this text"),
        ("NOT_FOUND", PermanentEngineError, "rejected this text"),
        ("UNIMPLEMENTED", PermanentEngineError, "rejected this text"),
        ("PERMISSION_DENIED", EngineUnavailable, "This service account is not allowed to use Google"),
        ("UNAUTHENTICATED", EngineUnavailable, "This service account is not allowed to use Google"),
    ],
)
def test_what_will_not_go_better_is_not_tried_again(engine, peer, voice, code, kind, message, caplog):  # noqa: F811
    peer.plan(Refuse(code))
    with pytest.raises(kind, match=message) as caught:
        list(engine.speak(segment(voice)))
    assert type(caught.value) is kind
    assert peer.asked == 1
    assert code in caplog.text


def test_what_google_says_of_a_text_is_not_logged_for_it_may_quote_it(engine, peer, caplog):  # noqa: F811
    secret = "My password is swordfish. " * 300
    with caplog.at_level(logging.DEBUG), pytest.raises(PermanentEngineError):
        list(engine.speak(segment("en-US-Wavenet-A", secret)))
    assert "swordfish" not in caplog.text
    assert "Sentence starting with" not in caplog.text


@pytest.mark.parametrize(
    ("said", "pause"), [(None, 30.0), (7.5, 7.5), (0.0, 1.0), (86_400.0, 300.0)]
)  # fmt: skip
def test_a_quota_that_is_used_up_asks_for_a_pause(engine, peer, said, pause):  # noqa: F811
    peer.plan(*[Refuse("RESOURCE_EXHAUSTED", retry_seconds=said)] * 5)
    with pytest.raises(TransientEngineError, match="Google quota") as caught:
        list(engine.speak(segment("en-US-Wavenet-A")))
    assert caught.value.pause_seconds == pause


def test_garbage_and_an_audio_that_is_cut_off_are_no_audio(engine, peer):  # noqa: F811
    for bad_day in (Garbage(), Cut()):
        peer.plan(*[bad_day] * 5)
        with pytest.raises(TransientEngineError):
            list(engine.speak(segment("en-US-Wavenet-A")))
        peer.reset()


def test_a_stream_that_breaks_off_is_an_error_after_what_was_heard(engine, peer):  # noqa: F811
    peer.plan(Cut())
    spoken = engine.speak(segment("en-US-Chirp3-HD-Kore"))
    heard = next(spoken)
    assert say(TEXT, "text", 1.0).startswith(heard)
    with pytest.raises(TransientEngineError, match="UNAVAILABLE"):
        list(spoken)
    assert peer.asked == 1  # what was heard is not said twice


@EACH_WAY
def test_google_that_does_not_answer_is_given_up(peer, voice):  # noqa: F811
    engine = ImpatientEngine()
    peer.plan(*[Hang()] * 5)
    with pytest.raises(TransientEngineError):
        list(engine.speak(segment(voice)))
    engine.close()


def test_a_stream_that_falls_silent_is_given_up_though_there_is_time_left(peer):  # noqa: F811
    engine = ImpatientEngine()
    peer.plan(Hang(after_chunks=2))
    spoken = engine.speak(segment("en-US-Chirp3-HD-Kore"))
    assert next(spoken)
    assert next(spoken)
    with pytest.raises(TransientEngineError, match="stopped responding"):
        next(spoken)
    engine.close()


def test_who_stops_listening_ends_the_stream_at_google(engine, peer):  # noqa: F811
    peer.plan(Hang(after_chunks=1))
    spoken = engine.speak(segment("en-US-Chirp3-HD-Kore"))
    next(spoken)
    spoken.close()
    wait_for(lambda: peer.ended_early == 1, "the peer to notice")


def test_nobody_at_that_address_is_a_failure_that_may_pass(peer, settings):  # noqa: F811
    settings.GOOGLE_TTS_ENDPOINT = f"127.0.0.1:{free_port()}"
    engine = ImpatientEngine()
    for voice in ("en-US-Wavenet-A", "en-US-Chirp3-HD-Kore"):
        with pytest.raises(TransientEngineError):
            list(engine.speak(segment(voice)))
    engine.close()
    engine.close()  # once more does no harm


# --- what a second try repairs -------------------------------------------------------------------


@EACH_WAY
@pytest.mark.parametrize("code", ["UNAVAILABLE", "INTERNAL", "DEADLINE_EXCEEDED", "ABORTED", "UNKNOWN"])
def test_a_moments_failure_before_any_sound_is_repaired_at_once(engine, peer, voice, code):  # noqa: F811
    peer.plan(Refuse(code), Refuse(code))
    assert speak(engine, segment(voice)) == say(TEXT, "text", 1.0)
    assert peer.asked == 3


@EACH_WAY
def test_three_tries_are_all(engine, peer, voice):  # noqa: F811
    peer.plan(*[Refuse("UNAVAILABLE")] * 4)
    with pytest.raises(TransientEngineError, match="UNAVAILABLE"):
        list(engine.speak(segment(voice)))
    assert peer.asked == 3


def test_a_quota_that_is_used_up_is_not_asked_again_at_once(engine, peer):  # noqa: F811
    peer.plan(Refuse("RESOURCE_EXHAUSTED"))
    with pytest.raises(TransientEngineError):
        list(engine.speak(segment("en-US-Wavenet-A")))
    assert peer.asked == 1


@pytest.mark.parametrize("bad_day", [Half(), Garbage(), Cut(), Nothing(), Silence()], ids=repr)
def test_an_answer_that_cannot_be_the_text_is_asked_for_again_and_never_heard(engine, peer, bad_day):  # noqa: F811
    peer.plan(bad_day)
    assert speak(engine, segment("en-US-Wavenet-A")) == say(TEXT, "text", 1.0)
    assert peer.asked == 2


@pytest.mark.parametrize("bad_day", [Half(), Garbage(), Silence(), Cut()], ids=repr)
@pytest.mark.parametrize("voice", ["en-US-Chirp3-HD-Kore", "Kore"])
def test_a_stream_that_cannot_be_the_text_is_an_error_at_its_end(engine, peer, voice, bad_day):  # noqa: F811
    peer.plan(bad_day)
    with pytest.raises(TransientEngineError):
        list(engine.speak(segment(voice)))
    assert peer.asked == 1


def test_a_stream_without_a_sound_is_asked_for_again(engine, peer):  # noqa: F811
    peer.plan(Nothing())
    assert speak(engine, segment("en-US-Chirp3-HD-Kore")) == say(TEXT, "text", 1.0)
    assert peer.asked == 2


@pytest.mark.parametrize("speed", [0.25, 1.0, 2.0, 4.0])
@EACH_WAY
def test_a_whole_answer_passes_at_any_speed_and_half_of_one_at_none(engine, peer, voice, speed):  # noqa: F811
    assert speak(engine, segment(voice, speed=speed))
    peer.plan(*[Half()] * 3)
    with pytest.raises(TransientEngineError, match="takes"):
        list(engine.speak(segment(voice, speed=speed)))


def test_whoever_directs_a_voice_to_hurry_gets_what_they_asked_for(engine, peer):  # noqa: F811
    peer.plan(Half(), Half())
    assert speak(engine, segment("Kore", prompt="As fast as you can."))
    assert speak(engine, segment("Puck", f"[extremely fast] {TEXT}"))
    assert peer.asked == 2


def test_the_largest_answer_google_may_give_is_taken(engine, peer):  # noqa: F811
    """Four thousand bytes of SSML in Gemini's voice: more than gRPC takes unasked."""
    text = "It is a remarkably slow and beautiful day, is it not? " * 70
    pcm = speak(engine, segment("Kore", text, text_format="ssml"))
    assert len(pcm) > 2**23
