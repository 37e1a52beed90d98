"""The auditor's pages: the trail, its seals, and a panel on every record."""

from audit.admin import pages  # noqa: F401 (Django's autodiscovery imports this package)
