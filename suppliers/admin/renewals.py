"""
What buyers are to ask suppliers for, on the first page: one panel for certificates and for dates without one.

A supplier's declared date counts for its risk as well, whether a certificate proves it or not.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from qhse import clock
from suppliers.admin.certificate_panels import TABLE, add_url, named, renew_link, supplier_link, until
from suppliers.choices import RENEWAL_NOTICE_DAYS
from suppliers.models import Certificate, Supplier
from suppliers.work import to_renew

MOST_ROWS = 8


def to_renew_panel(request: HttpRequest) -> dict[str, Any] | None:
    """Return what ends soon or has ended, the most urgent first. None for who hands no certificates in."""
    page: Any = admin.site.get_model_admin(Certificate)
    if not page.has_add_permission(request):
        return None
    # Both are read in their order, so the first of both together are among the first of each.
    rows = sorted((*_certificates(page), *_declared()), key=lambda row: row[0])[:MOST_ROWS]
    return {
        "template": TABLE,
        "id": "certificates-to-renew",
        "title": "Certificates to renew",  # without their number: to count them reads all that have ever ended
        "columns": ("Supplier", "Valid until", "Renewal", "What"),
        "rows": [cells for _, cells in rows],
        "empty": f"None ends within {RENEWAL_NOTICE_DAYS} days without a later one at hand.",
        "links": _links(),
    }


def _certificates(page: Any) -> list[tuple[Any, ...]]:
    return [
        ((each.valid_to, 0, each.pk), (supplier_link(each.supplier), until(page, each), renew_link(each),
                                       named(page, each)))
        for each in to_renew().select_related("supplier")[:MOST_ROWS]
    ]  # fmt: skip


def _declared() -> list[tuple[Any, ...]]:
    today, standing = clock.today(), Supplier.objects.standing()
    due = standing.expired(today=today) | standing.expiring(today=today)
    page: Any = admin.site.get_model_admin(Supplier)
    return [
        ((each.certification_expiry, 1, each.pk), (supplier_link(each), page.certification(each), _hand_in_link(each),
                                                   _UNPROVEN))
        for each in due.order_by("certification_expiry", "id")[:MOST_ROWS]
    ]  # fmt: skip


_UNPROVEN = format_html('<span class="quiet">{}</span>', "Declared date")


def _hand_in_link(supplier: Supplier) -> SafeString:
    return format_html(
        '<a href="{}">Hand in<span class="visually-hidden"> a certificate of {}</span></a>',
        add_url(supplier), supplier.name,
    )  # fmt: skip


def _links() -> tuple[tuple[str, str], ...]:
    certificates = reverse("admin:suppliers_certificate_changelist")
    suppliers = reverse("admin:suppliers_supplier_changelist")
    return (
        (f"{certificates}?ending=60", "Certificates ending within 60 days"),
        (f"{certificates}?ending=expired", "Expired certificates"),
        (f"{suppliers}?certification={RENEWAL_NOTICE_DAYS}", f"Declared dates within {RENEWAL_NOTICE_DAYS} days"),
        (f"{suppliers}?certification=expired", "Expired declared dates"),
        (f"{certificates}?edition=superseded", "On a superseded edition"),
        (reverse("admin:suppliers_certificate_add"), "Hand in a certificate"),
    )
