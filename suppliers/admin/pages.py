"""Suppliers in the admin: every write goes through the services."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import flatten
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from audit.history import HistoryPanel
from qhse.adminsite.panels import show_on_front_page, show_on_records
from qhse.adminsite.steps import Step
from qhse.attachments.admin.pages import FilesAdmin, file_steps
from qhse.attachments.admin.panels import files_panel
from qhse.searching import MOST_FOUND, words_of
from suppliers.admin import filters, forms, risk_forms
from suppliers.admin.certificate_panels import certificates_panel
from suppliers.admin.columns import SupplierColumns
from suppliers.admin.panels import PANELS
from suppliers.admin.risk import RiskColumns, risk_history_panel, score_panel, worst_panel
from suppliers.choices import SupplierStatus
from suppliers.models import Supplier
from suppliers.permissions import SUPPLIER_ROLES
from suppliers.searching import meant_by, number_in
from suppliers.services.status import lacks_for
from suppliers.status import may_move

STEPS = {
    "certification": Step("Update certification", forms.SupplierChangeForm, "update_certification", "has been updated"),
    "correct": Step("Correct", forms.SupplierCorrectForm, "correct", "has been corrected", is_named=True),
    "status": Step("Change status", forms.SupplierStatusForm, "change_status", "has another status", is_named=True),
    "override": Step(
        "Override the risk level", risk_forms.SupplierOverrideForm, "override_risk", "has another risk level",
        is_named=True,
    ),
    "end_override": Step(
        "End the override", risk_forms.SupplierEndOverrideForm, "override_risk", "has its computed risk level",
        is_named=True,
    ),
    **file_steps("attach"),
    "merge": Step("Merge", forms.SupplierMergeForm, "merge", "has been merged", is_named=True),
}  # fmt: skip


@admin.register(Supplier)
class SupplierAdmin(SupplierColumns, RiskColumns, FilesAdmin, HistoryPanel):
    roles = SUPPLIER_ROLES
    may_read_replica = True
    menu_order = 20
    empty_list = (
        "No supplier has been recorded yet. Here will stand who delivers to us, with status, certificates, open "
        "non-conformities and risk. Procurement records them."
    )
    entity_type = "supplier"
    add_form = forms.SupplierAddForm
    steps = STEPS
    list_display = (
        "full_name", "risk", "status_badge", "code_shown", "criticality_shown", "open_ncs", "next_end", "review",
    )  # fmt: skip
    list_display_links = ("full_name",)
    export_fields = ("nc_open", "nc_open_high", "nc_total")
    list_filter = (
        filters.StatusFilter, filters.LevelFilter, filters.AtRiskFilter, filters.CriticalityFilter,
        filters.CertificationFilter, filters.RequiredFilter, filters.ReviewFilter, filters.CategoryFilter,
        filters.CountryFilter, filters.StandardFilter,
    )  # fmt: skip
    search_fields = ("name_order",)
    search_help_text = "Name, number (SUP-00017, 17) or reference"
    ordering = ("name_order", "name_key")
    _facts = (
        "status_told",
        ("at_risk", "risk", "certification"),
        ("open_ncs", "ncs_in_all"),
        ("code_shown", "reference"),
        ("criticality_told", "category_name"),
        ("country_name", "contact"),
        "standards",
        ("review", "created"),
    )

    # --- The page ---------------------------------------------------------------------------------------------------

    def get_readonly_fields(self, request: HttpRequest, obj: Supplier | None = None) -> Any:
        return ("merged_told", *flatten(self._facts)) if obj else ()

    def shown_fieldsets(self, request: HttpRequest, record: Supplier | None) -> tuple[Any, ...]:
        if record is None:
            demands = ("criticality", "required_standards", "certification_expiry", "next_review_on")
            return (
                (None, {"fields": ("name", "country", "category", "external_ref")}),
                ("What it has to fulfil", {"fields": demands}),
                ("Contact", {"fields": ("contact_name", "contact_email")}),
            )
        merged = ("merged_told",) if record.merged_into_id else ()
        return ((None, {"fields": (*merged, *self._facts)}),)

    def possible(self, request: HttpRequest, record: Supplier) -> list[str]:
        if self.finished(record):
            return []
        possible = {"certification", "correct", "merge", *risk_forms.risk_steps(record)}
        possible |= set(self.possible_with_files(request))
        if forms.decisions(record.status, getattr(request.user, "role", "")):
            possible.add("status")
        return [name for name in STEPS if name in possible]

    def finished(self, record: Supplier) -> str:
        left = record.merged_into
        return "" if left is None else f"has been merged into {left.code}, {left.name}"

    def introduction(self, request: HttpRequest, record: Supplier, step: str) -> SafeString | str:
        if step != "status" or not may_move(record.status, SupplierStatus.APPROVED):
            return super().introduction(request, record, step)
        lacks = lacks_for(record, SupplierStatus.APPROVED)
        if not lacks:
            return super().introduction(request, record, step)
        lines = format_html_join("", "<li>{}</li>", ((each,) for each in lacks))
        return format_html("It cannot be approved without conditions yet. Missing: <ul>{}</ul>", lines)

    # --- The list ---------------------------------------------------------------------------------------------------

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        match = request.resolver_match
        if match is not None and match.url_name == "autocomplete":  # a choice for a record: merged ones take none
            queryset = queryset.standing()
        return queryset.filter(meant_by(search_term)), False

    def ids_called(self, term: str) -> Iterable[str]:
        """Suppliers whose name has the term in it, or of this number."""
        number = number_in(term)
        if number is not None:
            return [str(number)]
        found = Supplier.objects.called(term) if words_of(term) else Supplier.objects.none()
        return [str(pk) for pk in found.values_list("pk", flat=True)[:MOST_FOUND]]


for panel in (score_panel, certificates_panel, files_panel, risk_history_panel, *PANELS):
    show_on_records(Supplier, panel)
show_on_front_page(worst_panel, order=15)
