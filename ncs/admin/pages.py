"""Non-conformities in the admin: every write goes through the services."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.utils import flatten
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from audit.history import HistoryPanel
from ncs.admin import forms
from ncs.admin.auditing import AuditorPages
from ncs.admin.columns import CaseColumns
from ncs.admin.filters import (
    CategoryFilter,
    OneSupplierFilter,
    OverdueFilter,
    OwnerFilter,
    PartFilter,
    PhaseFilter,
    RepeatFilter,
    StatusFilter,
    SystemFilter,
)
from ncs.admin.panels import actions_panel, eight_d_panel, my_work_panel, open_ncs_panel, severe_panel, similar_panel
from ncs.admin.report import ReportPages
from ncs.choices import Disposition, Gap, NcStatus
from ncs.models import NonConformity
from ncs.numbers import numbers_in
from ncs.permissions import NC_ROLES
from ncs.selectors import meant_by
from ncs.services import close_nonconformity
from ncs.services.steps import stands_behind
from qhse.accounts.models import User
from qhse.adminsite.bulk import BulkActionsAdmin
from qhse.adminsite.filters import PeriodFilter, days_filter
from qhse.adminsite.panels import show_on_front_page, show_on_records
from qhse.adminsite.steps import Step
from qhse.attachments.admin.pages import FilesAdmin, file_steps
from qhse.attachments.admin.panels import files_panel
from qhse.searching import MOST_FOUND, words_of
from suppliers.models import Supplier

STEPS = {
    "contain": Step("Contain", forms.NonConformityContainForm, "contain", "has been contained"),
    "dispose": Step("Decide", forms.NonConformityDisposeForm, "dispose", "has been decided on"),
    "analyse": Step("Find the cause", forms.NonConformityAnalyseForm, "analyse", "has been analysed"),
    "concede": Step("Give the concession", forms.NonConformityConcedeForm, "concede", "may be used as it is"),
    "close": Step("Close non-conformity", forms.NonConformityCloseForm, "close", "has been closed"),
    "assign": Step("Assign", forms.NonConformityAssignForm, "assign", "has been assigned"),
    "correct": Step("Correct", forms.NonConformityCorrectForm, "correct", "has been corrected", is_named=True),
    "void": Step(
        "Recorded by mistake", forms.NonConformityVoidForm, "void", "has been closed as a mistake", is_named=True
    ),
    "reopen": Step("Reopen", forms.NonConformityReopenForm, "reopen", "is open again", is_named=True),
    **file_steps("correct"),
}
_FILLED_BY = {Gap.CONTAINMENT: "contain", Gap.DISPOSITION: "dispose", Gap.ROOT_CAUSE: "analyse"}


@admin.register(NonConformity)
class NonConformityAdmin(CaseColumns, ReportPages, AuditorPages, FilesAdmin, BulkActionsAdmin, HistoryPanel):
    roles = NC_ROLES
    may_read_replica = True
    menu_order = 10
    empty_list = (
        "No non-conformity is open. Here stands what a delivery did not fulfil, until it is closed; under "
        "status, All shows the closed ones too. Quality records them."
    )
    entity_type = "nonconformity"
    add_form = forms.NonConformityAddForm
    steps = STEPS
    list_display = (
        "nc_number", "severity_badge", "phase_badge", "supplier_name", "owner_name", "due", "age", "part_no", "summary",
    )  # fmt: skip
    list_display_links = ("nc_number",)
    list_filter = (
        StatusFilter, PhaseFilter, OverdueFilter, "severity", OwnerFilter, CategoryFilter, SystemFilter, RepeatFilter,
        OneSupplierFilter, PartFilter, ("created_at", PeriodFilter),
        days_filter("created_at", "days of recording (UTC)"),
        days_filter("detected_on", "days of detection", of_days=True, prefix="detected_"),
    )  # fmt: skip
    list_select_related = ("supplier", "owner")
    unexported_fields = ("overdue_told",)
    export_fields = (
        "severity", "status", "description", "system", "category", "lot_no", "po_ref", "qty_received", "qty_defective",
        "disposition", "containment", "cause_code", "root_cause", "cost", "closure_code", "closure_reason",
    )  # fmt: skip
    search_fields = ("supplier__name_order", "description")
    search_help_text = "Number (NC-2026-00042, 42), supplier or description"
    autocomplete_fields = ("supplier",)
    ordering = ("-id",)
    actions = ("close_selected",)
    _facts = (
        ("supplier_link", "severity_badge"),
        ("phase_badge", "owner_name"),
        ("due", "age"),
        "full_description",
        "reported",
    )
    _more = ("references", "pieces", "found", "repeats", "cost_told")
    _closed = ("closed", "closing_reason", "closed_without")

    # --- The page ---------------------------------------------------------------------------------------------------

    def get_readonly_fields(self, request: HttpRequest, obj: NonConformity | None = None) -> Any:
        return (*flatten(self._facts), *self._more, *self._closed) if obj else ()

    def shown_fieldsets(self, request: HttpRequest, record: NonConformity | None) -> tuple[Any, ...]:
        if record is None:
            first = ("supplier", "severity", "description")
            details = {"fields": ("part_no", "lot_no", "po_ref", "qty_received", "qty_defective", "category", "system",
                                  "detected_on", "detected_at")}  # fmt: skip
            return (
                (None, {"fields": first}),
                ("Details", details),
                ("Plan", {"fields": ("owner", "due_on", "repeats_seen")}),
            )
        closed = self._closed if record.status == NcStatus.CLOSED else ()
        more = tuple(name for name in self._more if getattr(self, name)(record))
        return ((None, {"fields": (*self._facts, *more, *closed)}),)

    def possible(self, request: HttpRequest, record: NonConformity) -> list[str]:
        if record.status == NcStatus.CLOSED:
            return ["reopen"]
        is_used = record.disposition == Disposition.USE_AS_IS and record.concession_by_id is None
        others = is_used and isinstance(request.user, User) and not stands_behind(record, request.user)
        # Where closing asks for evidence, that comes first.
        enforced = settings.NC_CLOSE_GATE["admin"] == "enforce"
        missing = [_FILLED_BY[gap] for gap in record.missing if gap in _FILLED_BY and enforced]
        in_order = [
            *missing,
            *(["concede"] if others else []),
            "close",
            *_FILLED_BY.values(),
            "assign",
            *self.possible_with_files(request),
            "correct",
            "void",
        ]
        return list(dict.fromkeys(in_order))

    def introduction(self, request: HttpRequest, record: NonConformity, step: str) -> SafeString | str:
        lacking = _lacking(record) if step == "close" else []
        if not lacking:
            return super().introduction(request, record, step)
        lines = format_html_join("", "<li>{}</li>", ((each,) for each in lacking))
        return format_html("It cannot be closed yet. Missing: <ul>{}</ul>", lines)

    def finished(self, record: NonConformity) -> str:
        return "has been closed already" if record.status == NcStatus.CLOSED else ""

    def has_close_permission(self, request: HttpRequest) -> bool:
        return self.allows(request, "close")

    # --- The list ---------------------------------------------------------------------------------------------------

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """Find numbers as people write them, a supplier in any case, or a text."""
        return queryset.filter(meant_by(search_term)), False

    def told_as(self, record: NonConformity) -> str:
        return f"{record.number} ({record.supplier.name}, {record.get_severity_display().lower()})"

    def ids_called(self, term: str) -> Iterable[str]:
        """The NCs of these numbers. Without a number, those of the suppliers whose name has the term in it."""
        ids, _ = numbers_in(term)
        suppliers = Supplier.objects.called(term) if words_of(term) else Supplier.objects.none()
        meant = Q(pk__in=ids) if ids else Q(supplier__in=suppliers)
        return [str(pk) for pk in NonConformity.objects.filter(meant).values_list("pk", flat=True)[:MOST_FOUND]]

    def describe(self, record: NonConformity) -> str:
        return f"{record.number} · {record.supplier.name} · {Truncator(record.description).chars(80)}"

    @admin.action(description="Close selected non-conformities", permissions=["close"])
    def close_selected(self, request: HttpRequest, queryset: QuerySet[NonConformity]) -> HttpResponse | None:
        actor = request.user
        if not isinstance(actor, User):
            return None
        return self.ask_reason(
            request,
            queryset,
            applies_to=Q(status=NcStatus.OPEN),
            action="close_selected",
            title="Close non-conformities",
            nothing="None of the selected non-conformities is open.",
            perform=lambda nc, reason, seen: close_nonconformity(
                nc_id=nc.pk, actor=actor, reason=reason, gate=settings.NC_CLOSE_GATE["admin"], expected_versions=seen
            ),
        )


def _lacking(nc: NonConformity) -> list[str]:
    """Return in words what the service would refuse a closing for."""
    evidence = nc.missing if settings.NC_CLOSE_GATE["admin"] == "enforce" else []
    lacking = [str(gap.label) for gap in evidence]
    if nc.actions_open:
        lacking.append(f"the end of {nc.actions_open} running action{'s' if nc.actions_open > 1 else ''}")
    if nc.actions_to_verify:
        lacking.append(
            f"the verification of {nc.actions_to_verify} completed action{'s' if nc.actions_to_verify > 1 else ''}"
        )
    if nc.disposition == Disposition.USE_AS_IS and nc.concession_by_id is None:
        lacking.append("a concession, by somebody else than who reported or corrected it")
    return lacking


show_on_records(Supplier, open_ncs_panel)
show_on_records(NonConformity, eight_d_panel)
show_on_records(NonConformity, actions_panel)
show_on_records(NonConformity, files_panel)
show_on_records(NonConformity, similar_panel)
show_on_front_page(my_work_panel, order=0)
show_on_front_page(severe_panel, order=10)
