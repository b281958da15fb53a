from django.urls import path

from tts.audio_files import audio_file

urlpatterns = [
    path("audio/<path:key>", audio_file, name="audio_file"),
]
