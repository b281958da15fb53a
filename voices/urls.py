from django.urls import path

from voices.api import VoiceDetail, VoiceList

urlpatterns = [
    path("voices", VoiceList.as_view(), name="voice_list"),
    path("voices/<str:voice_id>", VoiceDetail.as_view(), name="voice_detail"),
]
