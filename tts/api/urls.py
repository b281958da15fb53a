from django.urls import path, re_path

from accounts.api.key_auth import ApiNotFound
from tts.api.jobs import JobAudio, JobDetail, JobList, JobStream
from tts.api.quotes import JobQuote
from tts.api.schema import OpenApiDocument
from tts.api.usage import Usage

urlpatterns = [
    path("openapi.json", OpenApiDocument.as_view(), name="openapi"),
    path("tts", JobList.as_view(), name="job_list"),
    path("tts/stream", JobStream.as_view(), name="job_stream"),
    path("tts/quote", JobQuote.as_view(), name="job_quote"),
    path("tts/<uuid:job_id>", JobDetail.as_view(), name="job_detail"),
    path("tts/<uuid:job_id>/audio", JobAudio.as_view(), name="job_audio"),
    path("usage", Usage.as_view(), name="usage"),
    re_path(r"", ApiNotFound.as_view(), name="unknown_api_address"),
]
