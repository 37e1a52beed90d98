from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    name = "outbox.webhooks"
    label = "webhooks"
    verbose_name = "Webhooks"

    def ready(self) -> None:
        from outbox.relay.couriers import add_courier
        from outbox.webhooks.courier import WebhookCourier
        from outbox.webhooks.metrics import webhook_gauges
        from qhse.observability import metrics

        add_courier(WebhookCourier)
        metrics.add_source(webhook_gauges)
