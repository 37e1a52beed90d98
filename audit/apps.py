from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "audit"
    verbose_name = "Audit trail"

    def ready(self) -> None:
        from audit.metrics import audit_gauges
        from qhse.observability import metrics

        metrics.add_source(audit_gauges)
