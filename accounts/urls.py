"""The pages about who is signed in."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from accounts.views import sign_in

urlpatterns = [
    path("sign-in", sign_in, name="sign_in"),
    path("sign-out", LogoutView.as_view(), name="sign_out"),
]
