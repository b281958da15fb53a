from django.apps import AppConfig
from django.conf import settings

from config.private_files import close_to_others


class TTSConfig(AppConfig):
    name = "tts"
    verbose_name = "Speech"

    def ready(self) -> None:
        close_to_others(settings.DATA_DIR)
