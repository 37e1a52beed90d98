"""Makes `django.contrib.admin` use our site. Apart, because an apps.py may hold one default config."""

from django.contrib.admin.apps import AdminConfig


class QhseAdminConfig(AdminConfig):
    default_site = "qhse.adminsite.site.QhseAdminSite"
