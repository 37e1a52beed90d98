"""What stands below a supplier."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from qhse.adminsite.display import link
from qhse.adminsite.panels import RecordPanel
from suppliers.models import Supplier

PANEL_ROWS = 5


def duplicates_panel(request: HttpRequest, supplier: Supplier) -> dict[str, Any] | None:
    """Return the duplicates that have been merged into a supplier: their histories stay with them."""
    page: Any = admin.site.get_model_admin(Supplier)
    rows = [
        (link(page.record_url(str(each.pk)), each.code), each.name)
        for each in Supplier.objects.filter(merged_into=supplier).order_by("pk")[:PANEL_ROWS]
    ]
    if not rows:
        return None
    return {
        "template": "adminsite/table_panel.html",
        "id": "duplicates",
        "title": "Merged into this supplier",
        "columns": ("Code", "Name"),
        "rows": rows,
        "empty": "",
    }


PANELS: list[RecordPanel] = [duplicates_panel]
"""What stands below a supplier of what this app knows, in this order. Apps above add theirs behind them."""
