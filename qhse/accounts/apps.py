from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "qhse.accounts"
    label = "accounts"
    verbose_name = "Users"
