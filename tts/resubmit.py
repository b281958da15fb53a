"""Rebuilds a job's request from its row, and converts a request to JSON.

The pages use it to show the request, to fill the playground's form, and to submit it again.
"""

from typing import Any

from tts.models import Job
from tts.requests import SpeechRequest
from voices.models import Voice


def build_request(job: Job) -> SpeechRequest:
    """Returns the job's request with all defaults filled in. If the text was erased, it is empty."""
    speakers = _voice_ids(job)
    return SpeechRequest(
        text=job.text,
        voice_id=job.voice_id,
        model=job.model or None,
        prompt=job.prompt or None,
        speed=job.speed,
        text_format=job.text_format,
        output_format=job.output_format,
        sample_rate_hertz=job.sample_rate_hertz,
        bitrate_kbps=job.bitrate_kbps,
        speaker_type="multi" if speakers else "single",
        voice_speaker_1=speakers[0] if speakers else None,
        voice_speaker_2=speakers[1] if speakers else None,
        metadata=job.metadata,
        webhook_url=job.webhook_url,
    )


def request_body(request: SpeechRequest) -> dict[str, Any]:
    """Returns the body of `POST /api/v1/tts`, without defaults except for the audio format."""
    fields = {
        "text": request.text,
        "voice_id": request.voice_id,
        "model": request.model,
        "prompt": request.prompt,
        "format": request.text_format if request.text_format != "text" else None,
        "speed": request.speed if request.speed != 1.0 else None,
        "output_format": request.output_format,
        "sample_rate_hertz": request.sample_rate_hertz,
        "output_bitrate_kbps": request.bitrate_kbps,
        "speaker_type": "multi" if request.speaker_type == "multi" else None,
        "voice_speaker_1": request.voice_speaker_1,
        "voice_speaker_2": request.voice_speaker_2,
        "metadata": request.metadata,
        "webhook_url": request.webhook_url or None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _voice_ids(job: Job) -> list[str]:
    """Returns the voice ids of a dialogue's speakers; the row has the engine's names."""
    if not job.speakers:
        return []
    voices = Voice.objects.filter(provider=job.provider, engine_voice__in=job.speakers)
    ids = dict(voices.values_list("engine_voice", "voice_id"))
    return [ids.get(name, name) for name in job.speakers]
