from django.apps import AppConfig


class DeploymentConfig(AppConfig):
    name = "qhse.deployment"
    label = "deployment"

    def ready(self) -> None:
        from qhse.deployment import database_checks, settings_checks  # noqa: F401 (registers system checks)
