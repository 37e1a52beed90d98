"""The key figures in the admin site: tiles on the first page, and a page of figures."""

from kpi.admin import charts, figures_page  # noqa: F401
from kpi.admin.panel import kpi_panel

__all__ = ["kpi_panel"]
