"""Operators' pages of outbox events."""

from outbox.admin import pages  # noqa: F401 (Django's autodiscovery imports this package)
