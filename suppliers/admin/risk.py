"""The risk of a supplier on its page, in the list, and on the first page."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from audit.history import RecordNames, names_for
from audit.words import what_happened
from qhse import clock
from qhse.adminsite.display import NONE, badge, link, moment
from suppliers.admin.risk_charts import score_chart, score_line
from suppliers.choices import Confidence, RiskLevel
from suppliers.models import RiskAssessment, Supplier, SupplierVolume
from suppliers.reassessment import COMMAND, DAILY, OVERRIDE
from suppliers.risk import RULE_VERSION, Line
from suppliers.risk.weights import PPM_LEAST_RECEIVED, PPM_MONTHS

LEVEL_BADGES = {
    RiskLevel.LOW: "good",
    RiskLevel.MEDIUM: "warn",
    RiskLevel.HIGH: "bad",
    RiskLevel.CRITICAL: "bad",
}
ROWS_NAMED = 5
WORST = 5
HISTORY_DAYS = 366
HISTORY_ROWS = 50
_CAUSES = {DAILY: "A new day", COMMAND: "Reassessed by command", OVERRIDE: "Override", "version_1": "Before version 2"}


class RiskColumns:
    """Columns and fields of a page of suppliers."""

    @admin.display(description="at risk")
    def at_risk(self, supplier: Supplier) -> SafeString:
        return badge("At risk", "bad") if supplier.is_at_risk else badge("No", "mute")

    @admin.display(description="risk level", ordering="risk_score")
    def risk(self, supplier: Supplier) -> SafeString | str:
        if supplier.merged_into_id is not None:  # nobody concludes its risk any more
            return NONE
        level = supplier.level
        if level is None:
            return badge("Not assessed yet", "mute")
        notes = [
            *(["by override"] if supplier.override_in_force else []),
            *([] if supplier.risk_is_current else ["not of now"]),
        ]
        return format_html(
            '<span class="nowrap">{} <span class="quiet">{}</span></span>{}',
            badge(level.label, LEVEL_BADGES[level]), supplier.score,
            format_html('<br><span class="quiet">{}</span>', ", ".join(notes)) if notes else "",
        )  # fmt: skip


def score_panel(request: HttpRequest, supplier: Supplier) -> dict[str, Any] | None:
    """Return one assessment: the lines that add up to the score, and what each rests on. None for a merged one."""
    if supplier.merged_into_id is not None:
        return None
    names = names_for(request)
    lines = supplier.lines
    names.look_up((rows.kind, str(pk)) for line in lines for rows in line.rows for pk in rows.ids[:ROWS_NAMED])
    return {
        "template": "suppliers/risk_panel.html",
        "id": "risk",
        "title": "Risk score",
        "told": _told(supplier),
        "is_current": supplier.risk_is_current,
        "is_assessed": supplier.is_assessed,
        "lines": [(line.detail, _rows(names, line), line.points) for line in lines],
        "score": supplier.score,
        "chart": score_chart(supplier) if supplier.is_assessed else None,
        "foot": _foot(supplier),
    }


def _told(supplier: Supplier) -> list[str]:
    """Return in sentences what else there is to know about the level."""
    if supplier.risk_assessed_at is None:
        return ["This supplier has not been assessed yet. The worker does it moments after a change."]
    told = []
    if not supplier.risk_is_current:
        told.append(
            f"This is what was concluded on {supplier.risk_assessed_at:%Y-%m-%d %H:%M} UTC. Something that can change "
            "it is not included yet: the worker is behind."
        )
    override, computed = supplier.override, supplier.computed_level
    if override is not None and computed is not None:
        told.append(
            f"The level is {override.level.label} by override, until {override.until}: {override.reason}. "
            f"Computed is {computed.label}."
        )
    return told


def _foot(supplier: Supplier) -> str:
    if supplier.risk_assessed_at is None:
        return ""
    looked_at = f"{supplier.risk_assessed_at:%Y-%m-%d %H:%M} UTC"
    said = f"Looked at last on {looked_at}, by version {supplier.rule_version} of the rule."
    if supplier.rule_version == RULE_VERSION and supplier.confidence == Confidence.LOW:
        said += (
            f" Confidence is low: fewer than {PPM_LEAST_RECEIVED} pieces are known to have been received in the last "
            f"{PPM_MONTHS} full months."
        )
    return said


def _rows(names: RecordNames, line: Line) -> SafeString | str:
    """Return links to the newest rows behind a line, and how many more there are."""
    told = []
    for rows in line.rows:
        if rows.kind == "volume":  # they have no pages: people know them by their months
            months = SupplierVolume.objects.filter(pk__in=rows.ids).order_by("-month")
            told += [(f"{month:%Y-%m}",) for month in months.values_list("month", flat=True)]
            continue
        named = [names.link(rows.kind, str(pk), excerpt=40) for pk in rows.ids[:ROWS_NAMED]]
        more = rows.total - len(named)
        told += [*((each,) for each in named), *([(f"{more} more",)] if more else [])]
    return format_html_join(", ", "{}", told) or NONE


def risk_history_panel(request: HttpRequest, supplier: Supplier) -> dict[str, Any]:
    """Return what was concluded in twelve months, newest first."""
    since = clock.today() - timedelta(days=HISTORY_DAYS)
    rows = RiskAssessment.objects.filter(supplier=supplier, day__gte=since).order_by("-id")[:HISTORY_ROWS]
    return {
        "template": "adminsite/table_panel.html",
        "id": "risk-history",
        "title": "Risk in the last twelve months",
        "chart": score_line(supplier),
        "columns": ("When (UTC)", "Score", "Level", "After", "Lines"),
        "rows": [
            (moment(each.assessed_at), each.score, _shown_level(each), cause_words(each.cause),
             Truncator("; ".join(f"{line.detail} ({line.points})" for line in each.all_lines)).chars(160) or NONE)
            for each in rows
        ],
        "empty": "Nothing has been concluded yet.",
    }  # fmt: skip


def _shown_level(assessment: RiskAssessment) -> SafeString:
    level = assessment.shown_level
    shown = badge(level.label, LEVEL_BADGES[level])
    if not assessment.override_level:
        return shown
    return format_html('{} <span class="quiet">by override</span>', shown)


def cause_words(cause: str) -> str:
    """Return in words what led to an assessment."""
    return _CAUSES.get(cause) or what_happened(cause)


def worst_panel(request: HttpRequest) -> dict[str, Any] | None:
    """Return the suppliers with the highest scores, worst first. None for who may see none."""
    page: Any = admin.site.get_model_admin(Supplier)
    if not page.has_view_permission(request):
        return None
    worst = Supplier.objects.standing().filter(risk_score__gt=0, risk_assessed_at__isnull=False)
    listed = reverse("admin:suppliers_supplier_changelist")
    return {
        "template": "adminsite/table_panel.html",
        "id": "worst-suppliers",
        "title": "Suppliers with the highest risk",
        "columns": ("Supplier", "Level and score", "What weighs most"),
        "rows": [
            (link(page.record_url(str(supplier.pk)), supplier.name), page.risk(supplier), _heaviest(supplier))
            for supplier in worst.order_by("-risk_score", "id")[:WORST]
        ],
        "empty": "No supplier has any points.",
        "links": ((f"{listed}?{worst_first(page, request)}", "All suppliers, worst first"),),
    }


def worst_first(page: Any, request: HttpRequest) -> str:
    """Return the query that orders the list by score, descending. Columns are numbered as Django numbers them."""
    columns = [*(["action_checkbox"] if page.get_actions(request) else []), *page.get_list_display(request)]
    return f"o=-{columns.index('risk')}"


def _heaviest(supplier: Supplier) -> str:
    lines = sorted((line for line in supplier.lines if line.code != "floor"), key=lambda line: -line.points)
    return "; ".join(line.detail for line in lines[:2] if line.points)
