from django.apps import AppConfig


class TTSConfig(AppConfig):
    name = "tts"
    verbose_name = "Speech"
