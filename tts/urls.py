from django.urls import include, path

from tts.audio_files import audio_file
from tts.views import home, overview

urlpatterns = [
    path("", home, name="home"),
    path("overview", overview, name="overview"),
    path("", include("accounts.urls")),
    path("audio/<path:key>", audio_file, name="audio_file"),
]
