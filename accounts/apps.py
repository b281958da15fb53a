from django.apps import AppConfig
from django.core.checks import register

from accounts.checks import mails_reach_people


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        register(mails_reach_people)
