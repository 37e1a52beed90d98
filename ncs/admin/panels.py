"""Open non-conformities, on the first page and on their supplier's."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

from ncs.models import BY_WEIGHT, NonConformity
from qhse.adminsite.display import link
from suppliers.choices import Severity
from suppliers.models import Supplier

PANEL_ROWS = 20
WORK_ROWS = 5


def open_ncs_panel(request: HttpRequest, supplier: Supplier) -> dict[str, Any] | None:
    """Return a supplier's open NCs, severest first, for its page."""
    page: Any = admin.site.get_model_admin(NonConformity)
    if not page.has_view_permission(request):
        return None
    of_supplier = NonConformity.objects.filter(supplier=supplier)
    listed = reverse("admin:ncs_nonconformity_changelist")
    links = [(f"{listed}?supplier={supplier.pk}&status=all", f"All {supplier.nc_total} non-conformities")]
    if page.has_add_permission(request):
        links.append((reverse("admin:ncs_nonconformity_add", query={"supplier": supplier.pk}), "Report a new one"))
    return {
        "template": "adminsite/table_panel.html",
        "id": "open-ncs",
        "title": "Open non-conformities",
        "columns": ("Number", "Severity", "Age", "Description"),
        "rows": [
            (link(page.record_url(str(nc.pk)), nc.number), page.severity_badge(nc), page.age(nc), page.summary(nc))
            for nc in of_supplier.open().order_by(BY_WEIGHT.desc(), "id")[:PANEL_ROWS]
        ],
        "empty": "None is open.",
        "links": links,
    }


def my_work_panel(request: HttpRequest) -> dict[str, Any] | None:
    """Return the open high NCs, oldest first. None for who may not close."""
    page: Any = admin.site.get_model_admin(NonConformity)
    if not page.has_change_permission(request):
        return None
    severe = NonConformity.objects.open().filter(severity=Severity.HIGH).select_related("supplier").order_by("id")
    listed = reverse("admin:ncs_nonconformity_changelist")
    return {
        "template": "adminsite/table_panel.html",
        "title": "Open with severity high, oldest first",
        "columns": ("Number", "Supplier", "Age", "Description"),
        "rows": [
            (link(page.record_url(str(nc.pk)), nc.number), page.supplier_link(nc), page.age(nc), page.summary(nc))
            for nc in severe[:WORK_ROWS]
        ],
        "empty": "No open non-conformity has severity high.",
        "links": (
            (f"{listed}?status=OPEN&severity__exact=high", "All of them"),
            (reverse("admin:ncs_nonconformity_add"), "Report a new one"),
        ),
    }
