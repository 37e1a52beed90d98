from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "qhse.api"
    label = "api"
    verbose_name = "REST API"

    def ready(self) -> None:
        from qhse.api.openapi import schema  # noqa: F401 (registers OpenAPI extensions)
