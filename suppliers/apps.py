from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class SuppliersConfig(AppConfig):
    name = "suppliers"

    def ready(self) -> None:
        # An app whose records move with a supplier says so in a module of this name.
        autodiscover_modules("merging")
