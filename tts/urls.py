from django.urls import include, path

from tts.audio_files import audio_file
from tts.samples import voice_sample
from tts.schema import api_reference
from tts.streams import stream_audio
from tts.usage_page import usage
from tts.views import home, overview

urlpatterns = [
    path("docs/api", api_reference, name="api_reference"),
    path("", home, name="home"),
    path("overview", overview, name="overview"),
    path("", include("accounts.urls")),
    path("", include("webhooks.urls")),
    path("billing/usage", usage, name="billing_usage"),
    path("voices/<str:voice_id>/sample", voice_sample, name="voice_sample"),
    path("stream/<uuid:job_id>/<str:token>", stream_audio, name="stream_audio"),
    path("audio/<path:key>", audio_file, name="audio_file"),
]
