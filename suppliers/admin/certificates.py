"""Certificates in the admin: every write goes through the services."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from audit.history import HistoryPanel
from qhse.adminsite.panels import show_on_front_page, show_on_records
from qhse.adminsite.steps import Step
from qhse.attachments.admin.pages import FilesAdmin, file_steps
from qhse.attachments.admin.panels import files_panel
from qhse.searching import MOST_FOUND, words_of
from suppliers.admin import certificate_forms as forms
from suppliers.admin.certificate_columns import CertificateColumns
from suppliers.admin.certificate_filters import (
    EditionFilter,
    EndFilter,
    MissingFilter,
    OfSupplierFilter,
    StandardFilter,
    StatusFilter,
)
from suppliers.admin.certificate_panels import RENEWS, to_verify_panel
from suppliers.admin.renewals import to_renew_panel
from suppliers.certificate_search import certificates_meant_by
from suppliers.choices import CertificateStatus
from suppliers.models import Certificate
from suppliers.permissions import CERTIFICATE_ROLES
from suppliers.services.certificates import stands_behind

_KEPT = ("standard", "edition", "number", "issuer", "accreditation_body", "scope", "sites")  # by a renewal, as a rule


@admin.register(Certificate)
class CertificateAdmin(CertificateColumns, FilesAdmin, HistoryPanel):
    roles = CERTIFICATE_ROLES
    may_read_replica = True
    menu_order = 25
    empty_list = (
        "No certificate is here. Here stands what suppliers are certified by, until when, and who made sure of it. "
        "Procurement hands certificates in, quality verifies them; under status, All shows the others too."
    )
    entity_type = "certificate"
    add_form = forms.CertificateAddForm
    steps = {
        "verify": Step("Verify", forms.CertificateVerifyForm, "verify", "has been verified"),
        "reject": Step("Reject", forms.CertificateRejectForm, "reject", "has been rejected", is_named=True),
        "correct": Step("Correct", forms.CertificateCorrectForm, "correct", "has been corrected", is_named=True),
        "withdraw": Step("Withdraw", forms.CertificateWithdrawForm, "withdraw", "has been withdrawn", is_named=True),
        **file_steps("attach"),
    }
    list_display = (
        "supplier_name", "standard_name", "ends", "left", "status_badge", "edition_told", "number_told", "verifier",
    )  # fmt: skip
    list_display_links = ("supplier_name", "number_told")
    export_fields = ("edition", "issuer", "accreditation_body", "scope", "sites")
    list_filter = (StatusFilter, EndFilter, StandardFilter, EditionFilter, MissingFilter, OfSupplierFilter)
    list_select_related = ("supplier", "verified_by")
    search_fields = ("number", "issuer")
    search_help_text = "Number, issuer or supplier"
    autocomplete_fields = ("supplier",)
    ordering = ("valid_to", "id")
    _facts = (
        "supplier_link", "standard_name", "edition_in_full", "number_told", "issuer_told", "period", "status_badge",
    )  # fmt: skip
    _more = ("scope_told", "sites_told", "surveillance")
    _steps_told = ("handed_in", "verified", "decided", "renews", "renewed_by")

    # --- The page ---------------------------------------------------------------------------------------------------

    def get_readonly_fields(self, request: HttpRequest, obj: Certificate | None = None) -> Any:
        return (*self._facts, *self._more, *self._steps_told) if obj else ()

    def shown_fieldsets(self, request: HttpRequest, record: Certificate | None) -> tuple[Any, ...]:
        if record is None:
            first = ("supplier", "standard", "edition", "number", "issuer", "valid_from", "valid_to", "file")
            return (
                (None, {"fields": first}),
                ("What else it says", {"fields": (*forms.MORE, "supersedes"), "classes": ("collapse",)}),
            )
        told = tuple(name for name in self._steps_told if getattr(self, name)(record))
        return (
            (None, {"fields": (*self._facts, *told)}),
            ("What else it says", {"fields": self._more, "classes": ("collapse",)}),
        )

    def possible(self, request: HttpRequest, record: Certificate) -> list[str]:
        user: Any = request.user
        if record.supplier.merged_into_id is not None:
            return []
        if record.status == CertificateStatus.VERIFIED:
            return ["withdraw", *self.possible_with_files(request)]
        if record.status != CertificateStatus.SUBMITTED:
            return []
        verify = [] if stands_behind(record, user) else ["verify"]
        return [*verify, *self.possible_with_files(request), "reject", "correct"]

    def finished(self, record: Certificate) -> str:
        if record.supplier.merged_into_id is not None:
            return "is of a supplier that has been merged into another one"
        return "" if record.is_current else f"has been {record.get_status_display().lower()} already"

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("supplier")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Fill in what a renewal has from the one that it renews, which the address names."""
        initial = super().get_changeform_initial_data(request)
        renewed = self.get_object(request, request.GET.get(RENEWS, "")) if request.GET.get(RENEWS) else None
        if renewed is None:
            return initial
        kept = {name: getattr(renewed, name) for name in _KEPT}
        return initial | kept | {"supplier": renewed.supplier_id, "supersedes": renewed.pk}

    def told_as(self, record: Certificate) -> str:
        return f"{record} ({record.supplier.name})"

    # --- A file that comes with a new certificate -------------------------------------------------------------------

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form_class = super().get_form(request, obj, change, **kwargs)
        if issubclass(form_class, forms.CertificateAddForm):
            form_class.lost_file = getattr(request, "lost_file", "")
        return form_class

    def takes_file_at(self, request: HttpRequest) -> bool:
        return self._is_add(request) or super().takes_file_at(request)

    def wants_file(self, request: HttpRequest) -> bool:
        may = self.allows(request, "create") if self._is_add(request) else True
        return may and super().wants_file(request)

    def _is_add(self, request: HttpRequest) -> bool:
        return request.path_info.endswith("/certificate/add/")

    # --- The list ---------------------------------------------------------------------------------------------------

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        return queryset.filter(certificates_meant_by(search_term)), False

    def ids_called(self, term: str) -> Iterable[str]:
        """Certificates in whose number, issuer or supplier's name the term stands."""
        if not words_of(term):
            return ()
        found = Certificate.objects.filter(certificates_meant_by(term)).values_list("pk", flat=True)
        return [str(pk) for pk in found[:MOST_FOUND]]


show_on_records(Certificate, files_panel)
show_on_front_page(to_verify_panel, order=5)
show_on_front_page(to_renew_panel, order=12)
