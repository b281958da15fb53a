"""Jobs, the parts of their audio while they run, exports, voice previews, and the watch over queues."""

from tts.models.exports import AccountExport, ExportState
from tts.models.jobs import UNFINISHED, Job, JobStatus
from tts.models.parts import AudioPart, SpeechPart, StreamPart
from tts.models.queue_watch import QueueWatch
from tts.models.voice_previews import VoicePreview, VoicePreviewState

__all__ = [
    "UNFINISHED",
    "AccountExport",
    "AudioPart",
    "ExportState",
    "Job",
    "JobStatus",
    "QueueWatch",
    "SpeechPart",
    "StreamPart",
    "VoicePreview",
    "VoicePreviewState",
]
