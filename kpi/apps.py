from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate


class KpiConfig(AppConfig):
    name = "kpi"
    verbose_name = "Key figures"

    def ready(self) -> None:
        from kpi.movements.installing import install_on_sqlite, remove_from_sqlite

        # SQLite makes a table anew to change it. That loses its triggers, and fails if another table's names it.
        pre_migrate.connect(remove_from_sqlite, sender=self)
        post_migrate.connect(install_on_sqlite, sender=self)
