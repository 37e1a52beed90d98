"""Quality staff's pages of non-conformities."""

from ncs.admin import actions, pages  # noqa: F401 (Django's autodiscovery imports this package)
