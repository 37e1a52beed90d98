from django.apps import AppConfig
from django.db.backends.signals import connection_created


class DeploymentConfig(AppConfig):
    name = "qhse.deployment"
    label = "deployment"

    def ready(self) -> None:
        from qhse.deployment import database_checks, settings_checks  # noqa: F401 (registers system checks)
        from qhse.deployment.connections import begin_session

        connection_created.connect(begin_session)
