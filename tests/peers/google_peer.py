"""A small Google Cloud Text-to-Speech for the tests: a gRPC server from the service's own definition.

What it says is real speech (eSpeak's) of the length that the text takes. It refuses what Google refuses, and has bad
days on request: `peer.plan(Half(), Refuse("UNAVAILABLE"))` are those of the next two calls that ask for speech.
"""

import struct
import threading
from collections import deque
from collections.abc import Iterator
from concurrent import futures
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import av
import grpc
import numpy as np
from google.cloud import texttospeech_v1 as google
from google.protobuf.duration_pb2 import Duration
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from speech.dialogue import read_dialogue
from speech.engines.base import Segment
from speech.engines.espeak import EspeakEngine

RATE_HERTZ = 24_000
MAX_INPUT_BYTES = 5_000
MAX_GEMINI_BYTES = 4_000
CHUNK_BYTES = 9_601  # a fifth of a second, and chunks end within a sample
VENDORS_WORDS = "vendor-words-4711"  # in every error: they must never reach a caller
MODELS = (
    "gemini-2.5-flash-tts", "gemini-2.5-pro-tts", "gemini-2.5-flash-lite-preview-tts", "gemini-3.1-flash-tts-preview",
)  # fmt: skip


# --- bad days ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Refuse:
    """An error in place of an answer. `retry_seconds`: when Google says one may come back."""

    code: str
    retry_seconds: float | None = None


@dataclass(frozen=True)
class Half:
    """Half the audio, and an end as if that were all."""


@dataclass(frozen=True)
class Cut:
    """A stream that breaks off after some audio."""


@dataclass(frozen=True)
class Garbage:
    """Something that is no audio."""


@dataclass(frozen=True)
class Hang:
    """Nothing, or nothing more after some chunks, until `peer.release` is set; then it goes on, or breaks off."""

    after_chunks: int = 0
    breaks_off: bool = False


@dataclass(frozen=True)
class Nothing:
    """An answer without audio."""


@dataclass(frozen=True)
class Silence:
    """An audio of the right length in which nothing is said."""


BadDay = Refuse | Half | Cut | Garbage | Hang | Nothing | Silence


# --- the peer ------------------------------------------------------------------------------------


class GooglePeer:
    """`unary` and `streamed`: the requests for speech that came, in order; a streamed one as its two messages.

    `tls`: the server's credentials, and an address that is not taken for this machine's own.
    """

    def __init__(self, *, tls: tuple[grpc.ServerCredentials, str] | None = None) -> None:
        self.unary: list[google.SynthesizeSpeechRequest] = []
        self.streamed: list[tuple[google.StreamingSynthesizeConfig, google.StreamingSynthesisInput]] = []
        self.listings = 0
        self.authorization = ""  # what came with the last listing
        self.most_at_once = 0
        self.ended_early = 0  # streams that the caller gave up
        self.listing_error = ""
        self.voices = list(VOICES)
        self.release = threading.Event()
        self._bad_days: deque[BadDay | None] = deque()
        self._lock = threading.Lock()
        self._at_once = 0
        self._server = grpc.server(futures.ThreadPoolExecutor(16))
        self._server.add_generic_rpc_handlers((self._handlers(),))
        if tls is None:
            self.endpoint = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        else:
            credentials, host = tls
            self.endpoint = f"{host}:{self._server.add_secure_port(f'{host}:0', credentials)}"

    def plan(self, *bad_days: BadDay | None) -> None:
        """Of the next calls that ask for speech; None is a good day."""
        self._bad_days.extend(bad_days)

    @property
    def asked(self) -> int:
        """How often speech was asked for."""
        return len(self.unary) + len(self.streamed)

    def reset(self) -> None:
        self.release.set()
        self.__dict__ |= {"unary": [], "streamed": [], "listings": 0, "most_at_once": 0, "ended_early": 0}
        self.__dict__ |= {"listing_error": "", "voices": list(VOICES), "release": threading.Event()}
        self._bad_days.clear()

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self.release.set()
        self._server.stop(0).wait(5)

    # --- the three methods -----------------------------------------------------------------------

    def _list(self, request: google.ListVoicesRequest, context: Any) -> google.ListVoicesResponse:
        self.listings += 1
        self.authorization = dict(context.invocation_metadata()).get("authorization", "")
        if self.listing_error:
            _refuse(context, Refuse(self.listing_error))
        return google.ListVoicesResponse(voices=self.voices)

    def _synthesize(self, request: google.SynthesizeSpeechRequest, context: Any) -> google.SynthesizeSpeechResponse:
        self.unary.append(request)
        with self._counted():
            bad_day = self._bad_day(context)
            _check(request.input, request.voice, request.audio_config.speaking_rate, context)
            if request.audio_config.audio_encoding != google.AudioEncoding.LINEAR16:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, VENDORS_WORDS)
            pcm = _speech(request.input, request.voice, request.audio_config.speaking_rate)
            match bad_day:
                case Half():
                    pcm = pcm[: len(pcm) // 4 * 2]
                case Garbage():
                    return google.SynthesizeSpeechResponse(audio_content=b"<html>it works</html>")
                case Cut():
                    return google.SynthesizeSpeechResponse(audio_content=_wav(pcm)[: len(pcm) // 2])
                case Nothing():
                    pcm = b""
                case Silence():
                    pcm = bytes(len(pcm))
            return google.SynthesizeSpeechResponse(audio_content=_wav(pcm))

    def _stream(
        self, requests: Iterator[google.StreamingSynthesizeRequest], context: Any
    ) -> Iterator[google.StreamingSynthesizeResponse]:
        config = next(requests).streaming_config
        source = next(requests).input
        self.streamed.append((config, source))
        is_ours_to_end = threading.Event()

        def count_early_end() -> None:
            # gRPC never resumes a generator whose caller is gone, so the generator itself may not notice.
            if not is_ours_to_end.is_set():
                self.ended_early += 1

        context.add_callback(count_early_end)
        with self._counted():
            bad_day = self._bad_day(context)
            rate = config.streaming_audio_config.speaking_rate
            _check(source, config.voice, rate, context)
            is_streamable = "Chirp3-HD" in config.voice.name or config.voice.model_name
            if config.streaming_audio_config.audio_encoding != google.AudioEncoding.PCM or not is_streamable:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, VENDORS_WORDS)
            if next(requests, None) is not None:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, VENDORS_WORDS)
            pcm = _speech(source, config.voice, rate)
            match bad_day:
                case Half():
                    pcm = pcm[: len(pcm) // 4 * 2]
                case Garbage():
                    pcm = b"<html>"
                case Nothing():
                    pcm = b""
                case Silence():
                    pcm = bytes(len(pcm))
            for number, start in enumerate(range(0, len(pcm), CHUNK_BYTES)):
                if isinstance(bad_day, Hang) and number == bad_day.after_chunks:
                    self._hang(context)
                    if bad_day.breaks_off:
                        _refuse(context, Refuse("UNAVAILABLE"))
                if isinstance(bad_day, Cut) and number == 2:
                    _refuse(context, Refuse("UNAVAILABLE"))
                yield google.StreamingSynthesizeResponse(audio_content=pcm[start : start + CHUNK_BYTES])
            is_ours_to_end.set()

    # ---------------------------------------------------------------------------------------------

    def _bad_day(self, context: Any) -> BadDay | None:
        bad_day = self._bad_days.popleft() if self._bad_days else None
        if isinstance(bad_day, Refuse):
            _refuse(context, bad_day)
        if isinstance(bad_day, Hang) and not bad_day.after_chunks:
            self._hang(context)
        return bad_day

    def _hang(self, context: Any) -> None:
        while context.is_active() and not self.release.wait(0.02):
            pass

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._lock:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            yield
        finally:
            with self._lock:
                self._at_once -= 1

    def _handlers(self) -> Any:
        def coded(request: Any, response: Any) -> dict[str, Any]:
            return {"request_deserializer": request.deserialize, "response_serializer": response.serialize}

        return grpc.method_handlers_generic_handler(
            "google.cloud.texttospeech.v1.TextToSpeech",
            {
                "ListVoices": grpc.unary_unary_rpc_method_handler(
                    self._list, **coded(google.ListVoicesRequest, google.ListVoicesResponse)
                ),
                "SynthesizeSpeech": grpc.unary_unary_rpc_method_handler(
                    self._synthesize, **coded(google.SynthesizeSpeechRequest, google.SynthesizeSpeechResponse)
                ),
                "StreamingSynthesize": grpc.stream_stream_rpc_method_handler(
                    self._stream, **coded(google.StreamingSynthesizeRequest, google.StreamingSynthesizeResponse)
                ),
            },
        )


def _refuse(context: Any, refusal: Refuse) -> None:
    number = code_pb2.Code.Value(refusal.code)
    status = status_pb2.Status(code=number, message=f"{VENDORS_WORDS} {refusal.code}")
    if refusal.retry_seconds is not None:
        delay = Duration()
        delay.FromMilliseconds(round(refusal.retry_seconds * 1000))
        status.details.add().Pack(error_details_pb2.RetryInfo(retry_delay=delay))
    context.abort_with_status(rpc_status.to_status(status))


def _check(source: Any, voice: google.VoiceSelectionParams, rate: float, context: Any) -> None:
    """What Google refuses with INVALID_ARGUMENT."""
    is_gemini = "-" not in voice.name
    turns = source.multi_speaker_markup.turns
    said = source.text or source.markup or getattr(source, "ssml", "") or "".join(turn.text for turn in turns)
    speakers = voice.multi_speaker_voice_config.speaker_voice_configs
    aliases = {speaker.speaker_alias for speaker in speakers}
    wrong = (
        not said
        or len(said.encode()) > (MAX_GEMINI_BYTES if is_gemini else MAX_INPUT_BYTES)
        or len(source.prompt.encode()) > MAX_GEMINI_BYTES
        or (is_gemini and voice.model_name not in MODELS)
        or (not is_gemini and (voice.model_name or source.prompt or turns))
        or (source.markup and "Chirp3-HD" not in voice.name)
        or (getattr(source, "ssml", "") and "Chirp" in voice.name)
        or (rate and (is_gemini or "Chirp-HD" in voice.name or not 0.25 <= rate <= 2.0))
        or (bool(turns) != bool(speakers))
        or (turns and (len(aliases) != 2 or voice.name or not {turn.speaker for turn in turns} <= aliases))
        or (turns and "lite" in voice.model_name)
        or (not speakers and voice.name not in {listed.name for listed in VOICES})
    )
    if wrong:
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"{VENDORS_WORDS} Sentence starting with: {said[:20]}")


def _speech(source: Any, voice: google.VoiceSelectionParams, rate: float) -> bytes:
    if turns := source.multi_speaker_markup.turns:
        return b"".join(say(turn.text, "text", 1.0) for turn in turns)
    if getattr(source, "ssml", ""):
        return say(source.ssml, "ssml", rate or 1.0)
    return say(source.markup.replace("[pause]", "…") or source.text, "text", rate or 1.0)


@cache
def say(text: str, text_format: Any, rate: float) -> bytes:
    """s16le at 24 kHz, as long as a person would take."""
    with closing(EspeakEngine()) as engine:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE_HERTZ)
        parts = []
        segment = Segment(
            text=text, engine_voice="gmw/en-US+Annie", language="en-US", speed=rate, text_format=text_format
        )
        for pcm in engine.speak(segment):
            frame = av.AudioFrame.from_ndarray(np.frombuffer(pcm, "<i2").reshape(1, -1), format="s16", layout="mono")
            frame.sample_rate = engine.sample_rate_hertz("gmw/en-US+Annie")
            parts += [out.to_ndarray().tobytes() for out in resampler.resample(frame)]
        parts += [out.to_ndarray().tobytes() for out in resampler.resample(None)]
    return b"".join(parts)


def dialogue_seconds(text: str) -> float:
    return sum(len(say(turn.text, "text", 1.0)) for turn in read_dialogue(text)) / 2 / RATE_HERTZ


def _wav(pcm: bytes) -> bytes:
    """With a chunk before the samples, as Google is free to send."""
    note = b"LIST" + struct.pack("<I", 5) + b"peers\0"
    form = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, RATE_HERTZ, 2 * RATE_HERTZ, 2, 16)
    body = b"WAVE" + form + note + b"data" + struct.pack("<I", len(pcm)) + pcm
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _listed(name: str, gender: int, *languages: str) -> google.Voice:
    return google.Voice(name=name, ssml_gender=gender, language_codes=languages, natural_sample_rate_hertz=RATE_HERTZ)


VOICES = (
    _listed("en-US-Chirp3-HD-Kore", 2, "en-US"),
    _listed("de-DE-Chirp3-HD-Puck", 1, "de-DE"),
    _listed("en-US-Chirp-HD-F", 2, "en-US"),
    _listed("en-US-Studio-O", 2, "en-US"),
    _listed("en-US-Wavenet-A", 1, "en-US"),
    _listed("cmn-TW-Wavenet-B", 1, "cmn-TW"),
    _listed("ar-XA-Standard-C", 0, "ar-XA"),
    _listed("en-GB-Neural2-A", 2, "en-GB"),
    _listed("en-US-Casual-K", 1, "en-US"),
    _listed("en-US-News-N", 2, "en-US"),
    _listed("fr-FR-Polyglot-1", 1, "fr-FR"),
    _listed("en-US-Journey-D", 1, "en-US"),  # of a family that is no more
    _listed("Kore", 2, "en-US"),
    _listed("Puck", 1, "en-US", "cmn-tw"),
)
