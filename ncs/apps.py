from django.apps import AppConfig


class NcsConfig(AppConfig):
    name = "ncs"
    verbose_name = "Non-conformities"
