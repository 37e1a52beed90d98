"""Certifications to renew, on the first page."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

from qhse import clock
from qhse.adminsite.display import link
from suppliers.choices import RENEWAL_NOTICE_DAYS
from suppliers.models import Supplier

PANEL_ROWS = 5


def renewals_panel(request: HttpRequest) -> dict[str, Any] | None:
    """Return the certifications to renew, most urgent first. None for who may not renew."""
    page: Any = admin.site.get_model_admin(Supplier)
    if not page.has_change_permission(request):
        return None
    today = clock.today()
    due = Supplier.objects.expired(today=today) | Supplier.objects.expiring(today=today)
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
