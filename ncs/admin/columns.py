"""Columns and fields of cases, in words that quality reads at a glance."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import F
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from ncs.choices import ClosureCode, Gap, NcStatus, Phase
from ncs.models import BY_WEIGHT, NonConformity
from qhse import clock
from qhse.adminsite.display import NONE, badge, days, link, moment, prose
from suppliers.choices import Severity

SEVERITY_BADGES = {Severity.LOW: "mute", Severity.MEDIUM: "warn", Severity.HIGH: "bad"}
PHASE_BADGES = {Phase.READY: "good"}


def due_words(due_on: Any, *, late: bool) -> SafeString | str:
    """Return a due day. One that has passed has a label, and not a colour alone."""
    if due_on is None:
        return NONE
    label = badge("overdue", "bad") if late else ""
    return format_html('<span class="nowrap">{}</span> {}', due_on, label)


class CaseColumns:
    """What a list and the page show of a case."""

    @admin.display(description="number", ordering="id")
    def nc_number(self, nc: NonConformity) -> str:
        return nc.number

    @admin.display(description="supplier", ordering="supplier__name_order")
    def supplier_name(self, nc: NonConformity) -> str:
        return nc.supplier.name

    @admin.display(description="supplier")
    def supplier_link(self, nc: NonConformity) -> SafeString:
        return link(reverse("admin:suppliers_supplier_change", args=(nc.supplier_id,)), nc.supplier.name)

    @admin.display(description="severity", ordering=BY_WEIGHT)
    def severity_badge(self, nc: NonConformity) -> SafeString:
        return badge(nc.get_severity_display(), SEVERITY_BADGES[Severity(nc.severity)])

    @admin.display(description="phase", ordering="status")
    def phase_badge(self, nc: NonConformity) -> SafeString:
        """Show how far an open case is. A closed one is closed, or was a mistake."""
        if nc.phase is not None:
            return badge(nc.phase.label, PHASE_BADGES.get(nc.phase, "warn"))
        mistaken = nc.closure_code == ClosureCode.UNFOUNDED
        return badge("Recorded by mistake", "mute") if mistaken else badge(nc.get_status_display(), "good")

    @admin.display(description="owner", ordering="owner__name_order")
    def owner_name(self, nc: NonConformity) -> str:
        return NONE if nc.owner is None else nc.owner.username

    @admin.display(description="due", ordering=F("due_on").asc(nulls_last=True))
    def due(self, nc: NonConformity) -> SafeString | str:
        return due_words(nc.due_on, late=nc.overdue)

    @admin.display(description="age", ordering="-created_at")
    def age(self, nc: NonConformity) -> str:
        # Not below zero: the database set `created_at`, and its clock may be ahead of ours.
        lasted = max(0, ((nc.closed_at or clock.present()) - nc.created_at).days)
        if nc.closed_at is None:
            return days(lasted) if lasted else "new"
        return f"closed after {days(lasted)}" if lasted else "closed within a day"

    @admin.display(description="description")
    def summary(self, nc: NonConformity) -> str:
        return Truncator(nc.description).chars(90)

    @admin.display(description="description")
    def full_description(self, nc: NonConformity) -> SafeString | str:
        return prose(nc.description)

    @admin.display(description="created (UTC)", ordering="created_at")
    def created(self, nc: NonConformity) -> SafeString | str:
        return moment(nc.created_at)

    @admin.display(description="reported")
    def reported(self, nc: NonConformity) -> str:
        return f"{nc.created_at:%Y-%m-%d %H:%M} UTC by {nc.reported_by.username}"

    # --- Of these, the page shows those that say something ----------------------------------------------------------

    @admin.display(description="part, lot, order")
    def references(self, nc: NonConformity) -> str:
        named = (("part", nc.part_no), ("lot", nc.lot_no), ("order", nc.po_ref))
        return ", ".join(f"{name} {value}" for name, value in named if value)

    @admin.display(description="pieces")
    def pieces(self, nc: NonConformity) -> str:
        told = ((nc.qty_defective, "defective"), (nc.qty_received, "received"))
        return ", ".join(f"{number:,} {what}" for number, what in told if number is not None)

    @admin.display(description="found")
    def found(self, nc: NonConformity) -> str:
        system = "" if nc.system == "quality" else nc.get_system_display()
        parts = (nc.get_category_display(), nc.get_detected_at_display(), str(nc.detected_on or ""), system)
        return ", ".join(part for part in parts if part)

    @admin.display(description="repeats")
    def repeats(self, nc: NonConformity) -> SafeString | str:
        if nc.repeat_of is None:
            return ""
        return link(reverse("admin:ncs_nonconformity_change", args=(nc.repeat_of_id,)), nc.repeat_of.number)

    @admin.display(description="cost, customer")
    def cost_told(self, nc: NonConformity) -> str:
        informed = "" if nc.customer_informed_on is None else f"customer informed on {nc.customer_informed_on}"
        return ", ".join(part for part in ("" if nc.cost is None else f"{nc.cost:,}", informed) if part)

    @admin.display(description="closed")
    def closed(self, nc: NonConformity) -> str:
        if nc.closed_at is None or nc.closed_by is None:
            return NONE
        code = f": {nc.get_closure_code_display().lower()}" if nc.closure_code else ""
        return f"{nc.closed_at:%Y-%m-%d %H:%M} UTC by {nc.closed_by.username}{code}"

    @admin.display(description="reason for closing")
    def closing_reason(self, nc: NonConformity) -> SafeString | str:
        return prose(nc.closure_reason)

    @admin.display(description="closed without")
    def closed_without(self, nc: NonConformity) -> str:
        if nc.status != NcStatus.CLOSED or not nc.closure_gaps:
            return NONE
        return ", ".join(Gap(each).label for each in nc.closure_gaps)
