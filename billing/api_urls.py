from django.urls import path

from billing.api import Credits

urlpatterns = [path("credits", Credits.as_view(), name="credits")]
