"""Columns and fields of suppliers, in words that a buyer reads at a glance."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import F
from django.db.models.functions import Coalesce, Least
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from qhse.adminsite.display import NONE, badge, days, link
from suppliers.choices import RENEWAL_NOTICE_DAYS, SupplierStatus
from suppliers.countries import COUNTRIES
from suppliers.models import Supplier
from suppliers.standards import Standard

STATUS_BADGES = {
    SupplierStatus.PENDING: "mute",
    SupplierStatus.APPROVED: "good",
    SupplierStatus.CONDITIONAL: "warn",
    SupplierStatus.SUSPENDED: "bad",
    SupplierStatus.REJECTED: "bad",
    SupplierStatus.DISQUALIFIED: "bad",
}
_DECLARED, _PROVEN = F("certification_expiry"), F("cert_ends_on")
NEXT_END = Least(Coalesce(_DECLARED, _PROVEN), Coalesce(_PROVEN, _DECLARED))  # databases differ about nothing


class SupplierColumns:
    """What a list and the page show of a supplier."""

    @admin.display(description="code", ordering="id")
    def code_shown(self, supplier: Supplier) -> SafeString:
        return format_html('<span class="nowrap">{}</span>', supplier.code)

    @admin.display(description="name", ordering="name_order")
    def full_name(self, supplier: Supplier) -> str:
        return supplier.name

    @admin.display(description="status", ordering="status")
    def status_badge(self, supplier: Supplier) -> SafeString:
        if supplier.merged_into_id is not None:
            return badge("Merged", "mute")
        proposal = supplier.proposed_status
        noted = format_html(' <span class="quiet">{} proposed</span>', proposal.label) if proposal else ""
        kind = STATUS_BADGES[SupplierStatus(supplier.status)]
        return format_html("{}{}", badge(supplier.get_status_display(), kind), noted)

    @admin.display(description="criticality", ordering="criticality")
    def criticality_shown(self, supplier: Supplier) -> str:
        return supplier.criticality

    @admin.display(description="open NCs", ordering="nc_open")
    def open_ncs(self, supplier: Supplier) -> SafeString | str:
        if not supplier.nc_open:
            return NONE
        high = badge(f"{supplier.nc_open_high} high", "bad") if supplier.nc_open_high else ""
        return format_html("{} {}", supplier.nc_open, high)

    @admin.display(description="NCs in all", ordering="nc_total")
    def ncs_in_all(self, supplier: Supplier) -> int:
        return supplier.nc_total

    @admin.display(description="certified until", ordering="certification_expiry")
    def certification(self, supplier: Supplier) -> SafeString | str:
        expiry = supplier.certification_expiry
        return badge("Not known", "mute") if expiry is None else _end(supplier, expiry)

    @admin.display(description="next certificate end", ordering=NEXT_END.asc(nulls_last=True))
    def next_end(self, supplier: Supplier) -> SafeString | str:
        """Show what ends first, of what was declared and what is required, and what is missing."""
        known = [day for day in (supplier.certification_expiry, supplier.cert_ends_on) if day is not None]
        first = _end(supplier, min(known)) if known else badge("Not known", "mute")
        lacks = _lacks(supplier)
        return format_html("{} {}", first, lacks) if lacks else first

    @admin.display(description="next review", ordering=F("next_review_on").asc(nulls_last=True))
    def review(self, supplier: Supplier) -> SafeString | str:
        day = supplier.next_review_on
        if day is None:
            return NONE
        return badge(f"{day} due", "warn") if day <= supplier.read_on else str(day)

    # --- On the page alone ------------------------------------------------------------------------------------------

    @admin.display(description="status")
    def status_told(self, supplier: Supplier) -> SafeString:
        """Show the status, with who decided it, when and why, and what the risk proposes."""
        parts: list[Any] = [badge(supplier.get_status_display(), STATUS_BADGES[SupplierStatus(supplier.status)])]
        if supplier.status_at is not None and supplier.status_by is not None:
            told = f"by {supplier.status_by.username} on {supplier.status_at:%Y-%m-%d %H:%M} UTC"
            parts.append(format_html('<span class="quiet">{}</span>', told))
            parts.append(format_html('<div class="prose">{}</div>', supplier.status_reason))
        proposal = supplier.proposed_status
        if proposal is not None:
            why = (
                "Required standards are not proven"
                if proposal == SupplierStatus.CONDITIONAL
                else "The risk is critical"
            )
            text = f"{why}: {proposal.label.lower()} is proposed. A person decides."
            parts.append(format_html("<div>{}</div>", text))
        return format_html_join(" ", "{}", ((part,) for part in parts))

    @admin.display(description="merged into")
    def merged_told(self, supplier: Supplier) -> SafeString | str:
        if supplier.merged_into is None:
            return NONE
        left = supplier.merged_into
        url = reverse("admin:suppliers_supplier_change", args=(left.pk,))
        named = link(url, f"{left.code} {left.name}")
        return format_html("{}<div>This one was recorded twice. It takes no changes.</div>", named)

    @admin.display(description="external reference")
    def reference(self, supplier: Supplier) -> str:
        return supplier.external_ref or NONE

    @admin.display(description="country")
    def country_name(self, supplier: Supplier) -> str:
        return COUNTRIES.get(supplier.country, NONE)

    @admin.display(description="category")
    def category_name(self, supplier: Supplier) -> str:
        return supplier.get_category_display() or NONE

    @admin.display(description="criticality")
    def criticality_told(self, supplier: Supplier) -> str:
        return supplier.get_criticality_display()

    @admin.display(description="contact")
    def contact(self, supplier: Supplier) -> SafeString | str:
        address = supplier.contact_email
        written = link(f"mailto:{address}", address) if address else ""
        told = [part for part in (supplier.contact_name, written) if part]
        return format_html_join(", ", "{}", ((part,) for part in told)) or NONE

    @admin.display(description="required standards")
    def standards(self, supplier: Supplier) -> SafeString | str:
        names = ", ".join(str(Standard(code).label) for code in supplier.required_standards)
        return format_html("{} {}", names, _lacks(supplier)) if names else NONE

    @admin.display(description="recorded")
    def created(self, supplier: Supplier) -> str:
        return f"{supplier.created_at:%Y-%m-%d %H:%M} UTC"


def _end(supplier: Supplier, day: Any) -> SafeString:
    left = (day - supplier.read_on).days
    if left < 0:
        note = badge(f"expired {days(-left)} ago", "bad")
    elif left <= RENEWAL_NOTICE_DAYS:
        note = badge(f"{days(left)} left", "warn")
    else:
        note = format_html('<span class="quiet">{} left</span>', days(left))
    return format_html('<span class="nowrap">{} {}</span>', day, note)


def _lacks(supplier: Supplier) -> SafeString | str:
    missing, unverified = supplier.cert_missing, supplier.cert_unverified
    parts = [badge(f"{missing} missing", "bad")] if missing else []
    parts += [badge(f"{unverified} unverified", "warn")] if unverified else []
    return format_html_join(" ", "{}", ((part,) for part in parts))
