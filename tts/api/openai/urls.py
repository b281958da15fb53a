from django.urls import path, re_path, register_converter
from django.urls.converters import PathConverter

from accounts.api.key_auth import ApiNotFound
from tts.api.openai.api import ModelDetail, ModelList, Speech


class ModelNameConverter(PathConverter):
    """Accepts any name, including slashes and line breaks, so that unknown ones get the same error."""

    regex = "(?s:.+)"


register_converter(ModelNameConverter, "model_name")

urlpatterns = [
    path("audio/speech", Speech.as_view(), name="openai_speech"),
    path("models", ModelList.as_view(), name="openai_models"),
    path("models/<model_name:name>", ModelDetail.as_view(), name="openai_model"),
    re_path(r"", ApiNotFound.as_view(), name="unknown_openai_address"),
]
