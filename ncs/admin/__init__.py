"""Quality staff's pages of non-conformities."""

from ncs.admin import pages  # noqa: F401 (Django's autodiscovery imports this package)
