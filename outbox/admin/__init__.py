"""Operators' pages of outbox events."""

from outbox.admin import banner, messages, pages  # noqa: F401 (Django's autodiscovery imports this package)
