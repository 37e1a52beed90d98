from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class ExchangeConfig(AppConfig):
    name = "qhse.exchange"
    label = "exchange"
    verbose_name = "Imports"

    def ready(self) -> None:
        # An app whose records can be imported says so in a module of this name.
        autodiscover_modules("imports")
