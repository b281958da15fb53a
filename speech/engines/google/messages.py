"""Builds Google's request messages from a segment, and reads the samples from a response.

Decides which field is set for which family. `calls` sends them.
"""

from collections.abc import Iterator

from google.cloud import texttospeech_v1 as google

from speech.audio.wav import NotWav, read_wav
from speech.dialogue import read_dialogue
from speech.engines.base import Segment, TransientEngineError
from speech.engines.google.voices import GEMINI, GEMINI_MODELS, RATE_HERTZ, Family, split_speed
from speech.engines.remote.request_batching import whole_ssml


def unary_request(segment: Segment, family: Family) -> google.SynthesizeSpeechRequest:
    """Builds a SynthesizeSpeech request: the whole audio in one response, as a WAV file."""
    source = google.SynthesisInput()
    _fill(source, segment)
    return google.SynthesizeSpeechRequest(
        input=source,
        voice=_voice(segment, family),
        audio_config=google.AudioConfig(
            audio_encoding=google.AudioEncoding.LINEAR16,
            sample_rate_hertz=RATE_HERTZ,
            speaking_rate=_rate(segment, family),
        ),
    )


def stream_requests(segment: Segment, family: Family) -> Iterator[google.StreamingSynthesizeRequest]:
    """Yields the StreamingSynthesize requests: the configuration, then the text. Google waits for their end."""
    yield google.StreamingSynthesizeRequest(
        streaming_config=google.StreamingSynthesizeConfig(
            voice=_voice(segment, family),
            streaming_audio_config=google.StreamingAudioConfig(
                audio_encoding=google.AudioEncoding.PCM,
                sample_rate_hertz=RATE_HERTZ,
                speaking_rate=_rate(segment, family),
            ),
        )
    )
    source = google.StreamingSynthesisInput()
    _fill(source, segment)
    yield google.StreamingSynthesizeRequest(input=source)


def read_samples(response: google.SynthesizeSpeechResponse) -> bytes:
    """Returns the samples of a WAV file at our rate. Raises TransientEngineError for anything else."""
    try:
        wav = read_wav(response.audio_content)
    except NotWav as error:
        raise TransientEngineError("Google returned a response that is not audio.") from error
    if (wav.sample_rate_hertz, wav.channels, wav.bits_per_sample) != (RATE_HERTZ, 1, 16):
        raise TransientEngineError("Google returned audio in a different format than requested.")
    return wav.samples


def _rate(segment: Segment, family: Family) -> float:
    """Returns the speaking rate, or 0 (unset) for a family that does not support one."""
    rate, _ = split_speed(segment.speed)
    return rate if family.takes_speed and rate != 1.0 else 0.0


def _voice(segment: Segment, family: Family) -> google.VoiceSelectionParams:
    voice = google.VoiceSelectionParams(language_code=segment.language)
    if family is GEMINI:
        voice.model_name = segment.model or GEMINI_MODELS[0].id
    if segment.speakers:
        # Replaces the name; Google does not accept both.
        voice.multi_speaker_voice_config = google.MultiSpeakerVoiceConfig(
            speaker_voice_configs=[
                google.MultispeakerPrebuiltVoice(speaker_alias=_alias(number), speaker_id=name)
                for number, name in enumerate(segment.speakers, start=1)
            ]
        )
    else:
        voice.name = segment.engine_voice
    return voice


def _fill(source: google.SynthesisInput | google.StreamingSynthesisInput, segment: Segment) -> None:
    if segment.speakers:
        source.multi_speaker_markup = google.MultiSpeakerMarkup(
            turns=[
                google.MultiSpeakerMarkup.Turn(speaker=_alias(turn.speaker), text=turn.text)
                for turn in read_dialogue(segment.text)
            ]
        )
    elif segment.text_format == "ssml":
        source.ssml = whole_ssml(segment.text)
    elif segment.text_format == "markup":
        source.markup = segment.text
    else:
        source.text = segment.text
    if segment.prompt:
        source.prompt = segment.prompt


def _alias(speaker: int) -> str:
    return f"Speaker{speaker}"
