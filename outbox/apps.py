from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class OutboxConfig(AppConfig):
    name = "outbox"
    verbose_name = "Outbox"

    def ready(self) -> None:
        import outbox.checks
        import outbox.engine.metrics
        import outbox.relay.metrics
        import outbox.trail  # noqa: F401 (all of them register themselves)
        from outbox.metrics import outbox_gauges
        from outbox.relay.brokers import broker_courier
        from outbox.relay.couriers import add_courier
        from outbox.selectors import workers
        from qhse.deployment import probes
        from qhse.observability import metrics

        # Events, handlers and jobs register themselves by being imported; so the engine, which lies below every
        # domain app, needs to import none of them.
        autodiscover_modules("events", "handlers", "jobs")
        add_courier(broker_courier)
        metrics.add_source(outbox_gauges)
        probes.add_remark("workers", lambda: workers().complaint or "ok")
