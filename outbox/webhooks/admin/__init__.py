"""Administrators' pages of webhooks."""

from outbox.webhooks.admin import banner, deliveries, endpoints  # noqa: F401 (Django's autodiscovery imports this package)
