from django.apps import AppConfig


class AdminSiteConfig(AppConfig):
    """Holds the theme and the base classes; it stands before Django's admin, so that its templates win."""

    name = "qhse.adminsite"
    label = "adminsite"
