from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class AttachmentsConfig(AppConfig):
    name = "qhse.attachments"
    label = "attachments"
    verbose_name = "Evidence"

    def ready(self) -> None:
        # An app that has records with files says so in a module of this name.
        autodiscover_modules("attachments")
