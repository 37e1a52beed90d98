"""Staff's pages of suppliers."""

from suppliers.admin import (
    certificates,  # noqa: F401 (Django's autodiscovery imports this package)
    pages,  # noqa: F401
    volumes,  # noqa: F401
)
