from django.apps import AppConfig
from django.conf import settings


class ReplicaConfig(AppConfig):
    name = "qhse.replica"
    label = "replica"

    def ready(self) -> None:
        if settings.REPLICA:
            from qhse.observability import metrics
            from qhse.replica.gauges import replica_gauges

            metrics.add_source(replica_gauges)
