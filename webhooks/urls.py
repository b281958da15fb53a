from django.urls import path

from webhooks import views

urlpatterns = [
    path("webhooks", views.webhooks, name="webhooks"),
    path("webhooks/replay", views.replay_missed, name="webhooks_replay"),
    path("webhooks/remove", views.remove, name="webhooks_remove"),
    path("webhooks/id-tokens", views.id_tokens, name="webhooks_id_tokens"),
    path("webhooks/<uuid:delivery_id>", views.delivery, name="webhook_delivery"),
    path("webhooks/<uuid:delivery_id>/replay", views.replay, name="webhook_delivery_replay"),
]
