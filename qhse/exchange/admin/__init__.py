"""Staff's pages of imports."""

from qhse.exchange.admin import pages  # noqa: F401 (Django's autodiscovery imports this package)
