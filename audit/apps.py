from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "audit"
    verbose_name = "Audit trail"

    def ready(self) -> None:
        from django.utils.module_loading import autodiscover_modules

        from audit.metrics import audit_gauges
        from qhse.observability import metrics

        metrics.add_source(audit_gauges)
        autodiscover_modules("words")
