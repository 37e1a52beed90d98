from django.apps import AppConfig


class AdminSiteConfig(AppConfig):
    """Holds the theme and the base classes. It stands before Django's admin: its templates win."""

    name = "qhse.adminsite"
    label = "adminsite"
