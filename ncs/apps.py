from django.apps import AppConfig


class NcsConfig(AppConfig):
    name = "ncs"
    verbose_name = "Non-conformities"

    def ready(self) -> None:
        import ncs.risk_figures  # noqa: F401 (registers what it knows of cases)
