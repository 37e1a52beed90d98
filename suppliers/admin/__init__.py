"""Staff's pages of suppliers."""

from suppliers.admin import pages  # noqa: F401 (Django's autodiscovery imports this package)
