"""Certifications to renew, on the first page; and what stands below a supplier."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

from qhse import clock
from qhse.adminsite.display import link
from qhse.adminsite.panels import RecordPanel
from suppliers.choices import RENEWAL_NOTICE_DAYS
from suppliers.models import Supplier

PANEL_ROWS = 5


def renewals_panel(request: HttpRequest) -> dict[str, Any] | None:
    """Return the certifications to renew, most urgent first. None for who may not renew."""
    page: Any = admin.site.get_model_admin(Supplier)
    if not page.allows(request, "update_certification"):
        return None
    today = clock.today()
    standing = Supplier.objects.standing()
    due = standing.expired(today=today) | standing.expiring(today=today)
    rows = [
        (link(page.record_url(str(supplier.pk)), supplier.name), page.certification(supplier))
        for supplier in due.order_by("certification_expiry", "id")[:PANEL_ROWS]
    ]
    suppliers = reverse("admin:suppliers_supplier_changelist")
    return {
        "template": "adminsite/table_panel.html",
        "title": "Certifications to renew",
        "columns": ("Supplier", "Certified until"),
        "rows": rows,
        "empty": f"None ends within {RENEWAL_NOTICE_DAYS} days.",
        "links": (
            (f"{suppliers}?certification=expired", "All expired"),
            (f"{suppliers}?certification={RENEWAL_NOTICE_DAYS}", f"All ending within {RENEWAL_NOTICE_DAYS} days"),
        ),
    }


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
