from django.urls import path, re_path

from accounts.api import UnknownAddress
from tts.openai.api import ModelDetail, ModelList, Speech

urlpatterns = [
    path("audio/speech", Speech.as_view(), name="openai_speech"),
    path("models", ModelList.as_view(), name="openai_models"),
    path("models/<path:name>", ModelDetail.as_view(), name="openai_model"),
    re_path(r"", UnknownAddress.as_view(), name="unknown_openai_address"),
]
