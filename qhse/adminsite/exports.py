"""Every list of the admin as a file, as it is filtered, searched and ordered."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from html import unescape
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.utils import label_for_field
from django.core.exceptions import FieldDoesNotExist, PermissionDenied
from django.db.models import DateField, ForeignKey
from django.http import HttpRequest, HttpResponseNotAllowed, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import path, reverse
from django.utils.safestring import SafeData

from qhse.adminsite.display import NONE
from qhse.errors import DomainError
from qhse.exporting.cells import STORED, Column, Row
from qhse.exporting.exports import Export, Form, as_answer, in_order

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin

FORMS = {"csv": Form.EXCEL_CSV, "xlsx": Form.XLSX}
LABELS = {"csv": "Export CSV", "xlsx": "Export Excel"}
_NEXT_LINE = re.compile(r"<br ?/?>|</(?:div|p|li|tr)>")
_FOLD = re.compile(r"<summary>.*?</summary>")  # what opens what is folded away on a page
_TAG = re.compile(r"<[^>]*>")

Read = Callable[[Any], Any]


class ExportedLists(ModelAdmin):
    """
    Gives each list its exports: a link for each form, for who may open the list.

    A file has the columns of the list, in words, and behind them what programs and sorting need: the key, the keys of
    other records, days and times of the record without `unexported_fields`, and `export_fields`. Each is an attribute
    of the record. Nothing else of a record leaves by itself: no password, and no text that is kept for searching.
    """

    export_fields: ClassVar[tuple[str, ...]] = ()
    may_read_replica: ClassVar[bool] = False
    unexported_fields: ClassVar[tuple[str, ...]] = ()  # days and times of the machinery, which tell people nothing

    def get_urls(self) -> list[Any]:
        export = self.admin_site.admin_view(self.export_view)
        return [path("export/<str:form>/", export, name=self._export_name), *super().get_urls()]

    @property
    def _export_name(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_export"

    def export_links(self, request: HttpRequest) -> list[tuple[str, str]]:
        """Return the address and the label of each export of the list as this request shows it."""
        query = request.GET.copy()
        for name in ("p", "all", "_changelist_filters"):  # what chooses a page, and not records
            query.pop(name, None)
        end = f"?{query.urlencode()}" if query else ""
        return [
            (f"{reverse(f'admin:{self._export_name}', args=(form,))}{end}", label) for form, label in LABELS.items()
        ]

    def look_up_for(self, request: HttpRequest, records: Sequence[Any]) -> None:
        """Read at once what the columns need of other tables. Lists and exports call it before they show records."""

    def export_view(self, request: HttpRequest, form: str) -> HttpResponseBase:
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        page = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist", query=request.GET or None)
        changelist = self._changelist_of(request) if form in FORMS else None
        if changelist is None:
            # There it is said what was not understood. A file of all records would not say it.
            self.message_user(request, "Nothing has been exported.", messages.ERROR)
            return HttpResponseRedirect(page)
        try:
            return as_answer(request, self._export_of(request, changelist), FORMS[form])
        except DomainError as refusal:
            self.message_user(request, f"Nothing has been exported. {refusal.detail}", messages.ERROR)
            return HttpResponseRedirect(page)

    def _changelist_of(self, request: HttpRequest) -> Any:
        """Return the list that the address means, or None for one that means none."""
        raise NotImplementedError

    def _export_of(self, request: HttpRequest, changelist: Any) -> Export:
        shown = [each for each in self.get_list_display(request) if each != "action_checkbox"]
        readers = [self._reader(each) for each in shown]
        raw = self._raw_fields()
        columns = [Column(str(label_for_field(each, self.model, self))) for each in shown]
        told = {column.name for column in columns} | self._days_told(shown)
        columns += [Column(f"{name}{STORED}" if name in told else name) for name in raw]

        def rows_of(keys: Sequence[int], using: str) -> list[Row]:
            records = in_order(keys, changelist.apply_select_related(changelist.root_queryset).using(using))
            self.look_up_for(request, records)
            return [
                [*(read(record) for read in readers), *(getattr(record, name) for name in raw)] for record in records
            ]

        return Export(
            name=str(self.opts.verbose_name_plural),
            title=str(self.opts.verbose_name_plural),
            columns=columns,
            chosen=changelist.queryset,
            rows_of=rows_of,
            filter=dict(request.GET.items()),
            may_read_replica=self.may_read_replica,
        )

    def _raw_fields(self) -> list[str]:
        fields = self.model._meta.concrete_fields
        kept: Iterable[str] = (
            each.attname for each in fields if each.primary_key or isinstance(each, ForeignKey | DateField)
        )
        return [each for each in dict.fromkeys((*kept, *self.export_fields)) if each not in self.unexported_fields]

    def _days_told(self, shown: Sequence[Any]) -> set[str]:
        """Return the days and times that a column of the list tells people: it is ordered by them."""
        own = [each if callable(each) else getattr(self, each, None) for each in shown]
        orders = [getattr(each, "admin_order_field", None) for each in own]
        columns = {getattr(getattr(each, "expression", each), "name", each) for each in orders}  # also F(…).asc()
        return {each.name for each in self.model._meta.concrete_fields if isinstance(each, DateField)} & columns

    def _reader(self, name: Any) -> Read:
        """Return what reads a column of the list as a person does, without its markup."""
        own = name if callable(name) else getattr(self, name, None) if name != "__str__" else None
        if own is not None:
            return lambda record: told(own(record))
        try:
            field = self.model._meta.get_field(name)
        except FieldDoesNotExist:
            field = None
        if field is not None and getattr(field, "choices", None):
            return lambda record: getattr(record, f"get_{name}_display")()

        def read(record: Any) -> Any:
            value = getattr(record, name)
            return told(value() if callable(value) else value)

        return read


def told(value: Any) -> Any:
    """Return what a cell of a list says: the text of its markup, and nothing for the dash that stands for it."""
    if isinstance(value, SafeData):
        lines = _TAG.sub("", _NEXT_LINE.sub("\n", _FOLD.sub("", str(value)))).split("\n")
        value = "; ".join(" ".join(unescape(line).split()) for line in lines if line.strip())
    return "" if value == NONE else value
