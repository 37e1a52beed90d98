"""Volumes in the admin: a panel on the supplier's page, a list, and the form of a month."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from audit.history import changes_in, newest_of
from audit.models import AuditEntry
from audit.models.trail import AuditEntryQuerySet
from qhse.adminsite.base import ServiceModelAdmin
from qhse.adminsite.display import NONE, link
from qhse.adminsite.forms import ServiceForm, reason_field
from qhse.adminsite.meanwhile import Change
from qhse.adminsite.panels import Content, show_on_records
from qhse.exchange.values import CellRefused, month
from suppliers.models import Supplier, SupplierVolume
from suppliers.permissions import VOLUME_ROLES
from suppliers.ppm import LEAST_RECEIVED
from suppliers.services import set_volume
from suppliers.services.volumes import FIGURES, LOTS, NO_VERSION

PANEL_ROWS = 24
_LABELS = {
    "received_qty": "Pieces received",
    "defective_qty": "Pieces defective",
    "received_lots": "Lots received",
    "rejected_lots": "Lots rejected",
    "late_lots": "Lots late",
}
_HELP = {"defective_qty": "Confirmed defective pieces, and not all of a rejected lot."}


class MonthField(forms.CharField):
    """A month as people write it. It is given back as it is stored."""

    def __init__(self, **more: Any) -> None:
        super().__init__(max_length=20, help_text="For example 2026-10 or 10/2026.", **more)

    def prepare_value(self, value: Any) -> Any:
        return f"{value:%Y-%m}" if isinstance(value, date) else value

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        try:
            return month(text)
        except CellRefused as refusal:
            raise ValidationError(str(refusal), code="invalid") from None


class VolumeAddForm(ServiceForm):
    """Sets the first figures of a month. One that has some already is refused: whoever adds has not seen them."""

    leaves_constraints = True
    month = MonthField()

    class Meta:
        model = SupplierVolume
        fields = ("supplier", "month", *FIGURES)
        labels = _LABELS
        help_texts = _HELP | dict.fromkeys(LOTS, "Counts as 0 if it is left empty.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # Lots begin empty, and not with the column's 0, which nobody has counted.
        super().__init__(*args, **kwargs | {"initial": dict.fromkeys(LOTS) | (kwargs.get("initial") or {})})
        for name in LOTS:
            self.fields[name].required = False

    def write(self) -> SupplierVolume:
        values = dict(self.cleaned_data)
        return set_volume(
            supplier_id=values.pop("supplier").pk,
            **values,
            source="admin",
            actor=self.actor,
            expected_versions={NO_VERSION},
        )


class VolumeChangeForm(ServiceForm):
    leaves_constraints = True
    reason = reason_field(required=False)

    class Meta:
        model = SupplierVolume
        fields = FIGURES
        labels = _LABELS
        help_texts = _HELP

    def write(self) -> SupplierVolume:
        return set_volume(
            supplier_id=self.instance.supplier_id,
            month=self.instance.month,
            **self.cleaned_data,
            source="admin",
            actor=self.actor,
            expected_versions=self.expected_versions,
        )


@admin.register(SupplierVolume)
class VolumeAdmin(ServiceModelAdmin):
    roles = VOLUME_ROLES
    menu_order = 26
    empty_list = (
        "No month has figures yet. Here will stand what each supplier delivered, month by month. Without them nobody "
        "knows how many parts in a million are defective. Procurement sets or imports them."
    )
    change_action = "set_month"
    add_form = VolumeAddForm
    change_form = VolumeChangeForm
    list_display = ("whose", "month_text", *FIGURES, "parts")
    list_select_related = ("supplier",)
    url_filters = ("supplier",)
    search_fields = ("supplier__name_order",)
    search_help_text = "Part of the supplier's name"
    autocomplete_fields = ("supplier",)
    ordering = ("-month", "supplier__name_order", "id")
    _shown = ("supplier_link", "month_text", "parts", "source_told", "changed")

    def get_readonly_fields(self, request: HttpRequest, obj: SupplierVolume | None = None) -> Any:
        if obj is None:
            return ()
        return self._shown if self.has_change_permission(request, obj) else (*self._shown, *FIGURES)

    def get_fieldsets(self, request: HttpRequest, obj: SupplierVolume | None = None) -> Any:
        if obj is None:
            return ((None, {"fields": VolumeAddForm.Meta.fields}),)
        if not self.has_change_permission(request, obj):
            return ((None, {"fields": (*self._shown, *FIGURES)}),)
        return (
            (None, {"fields": self._shown}),
            ("Figures", {"fields": (*FIGURES, "reason"), "classes": ("act",)}),
        )

    def get_queryset(self, request: HttpRequest) -> Any:
        """Leave out what a merger has emptied: a month that both had is added up at the one that is left."""
        return super().get_queryset(request).filter(supplier__merged_into__isnull=True)

    def told_as(self, record: Any) -> str:
        return f"{record.month_text} of {record.supplier.name}"

    def newest_seen(self, record: Any) -> int:
        return newest_of(_entries_of(record))

    def changes_since(self, record: Any, seen: int, fields: Collection[str] = ()) -> list[Change]:
        changes = changes_in(_entries_of(record).filter(pk__gt=seen), fields)
        return [each for each in changes if each.field in FIGURES]

    @admin.display(description="supplier", ordering="supplier__name_order")
    def whose(self, volume: SupplierVolume) -> str:
        return volume.supplier.name

    @admin.display(description="supplier")
    def supplier_link(self, volume: SupplierVolume) -> SafeString:
        return link(reverse("admin:suppliers_supplier_change", args=(volume.supplier_id,)), volume.supplier.name)

    @admin.display(description="month", ordering="month")
    def month_text(self, volume: SupplierVolume) -> str:
        return volume.month_text

    @admin.display(description="PPM")
    def parts(self, volume: SupplierVolume) -> str:
        return _ppm(volume)

    @admin.display(description="set by")
    def source_told(self, volume: SupplierVolume) -> str:
        return {"api": "a program", "admin": "a person, here"}.get(volume.source, volume.source or NONE)

    @admin.display(description="last set")
    def changed(self, volume: SupplierVolume) -> str:
        return f"{volume.updated_at:%Y-%m-%d %H:%M} UTC"


def _entries_of(volume: SupplierVolume) -> AuditEntryQuerySet:
    """Return the entries about a month, newest first. They are entries of its supplier."""
    return AuditEntry.objects.about("supplier", volume.supplier_id).filter(changes__volume_month__1=volume.month_text)


def volumes_panel(request: HttpRequest, supplier: Supplier) -> Content | None:
    """Return what a supplier delivered, newest month first. None for who may not read it."""
    page: Any = admin.site.get_model_admin(SupplierVolume)
    if not page.has_view_permission(request):
        return None
    rows = list(page.get_queryset(request).filter(supplier=supplier).order_by("-month")[: PANEL_ROWS + 1])
    newest = f": the newest {PANEL_ROWS} months" if len(rows) > PANEL_ROWS else ""
    writes = supplier.merged_into_id is None and page.has_add_permission(request)
    add = f"{reverse('admin:suppliers_suppliervolume_add')}?{urlencode({'supplier': supplier.pk})}"
    return {
        "template": "adminsite/table_panel.html",
        "id": "volumes",
        "title": f"Delivered{newest}",
        "columns": ("Month", *_LABELS.values(), "PPM"),
        "rows": [
            (link(page.record_url(str(each.pk)), each.month_text),
             *(f"{getattr(each, name):,}" for name in FIGURES), _ppm(each))
            for each in rows[:PANEL_ROWS]
        ],
        "empty": f"No month has figures. A figure in parts per million needs {LEAST_RECEIVED} received.",
        "links": [(add, "Set a month")] if writes else [],
    }  # fmt: skip


def _ppm(volume: SupplierVolume) -> str:
    return f"fewer than {LEAST_RECEIVED} received" if volume.ppm is None else f"{volume.ppm:,}"


show_on_records(Supplier, volumes_panel)
