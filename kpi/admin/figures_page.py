"""The page of the quality figures: filters, and every figure as a table."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from kpi.admin.charts import charts_of
from kpi.admin.tables import tables_of
from kpi.permissions import KPI_ROLES
from kpi.quality import quality_figures
from ncs.models import NonConformity
from qhse import clock
from qhse.accounts.rights import is_allowed
from qhse.adminsite.dates import DayField
from qhse.adminsite.forms import AutocompleteInput
from qhse.adminsite.own_pages import OwnPage, add_page
from qhse.errors import DomainError
from qhse.replica.reading import read
from suppliers.models import Supplier

TITLE = "Figures"


class FiguresForm(forms.Form):
    """What is asked for, in the address. The names are those of the API."""

    supplier_id = forms.ModelChoiceField(
        Supplier.objects.all(),
        required=False,
        label="Supplier",
        widget=AutocompleteInput(NonConformity._meta.get_field("supplier"), admin.site),
    )
    as_of = DayField(required=False, label="As known on")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields = {
            "from": DayField(required=False, label="From"), "to": DayField(required=False, label="To"), **self.fields
        }  # fmt: skip


def figures_page(request: HttpRequest) -> HttpResponse:
    """
    Show the figures of the period in the address. What cannot be answered is said at its field, without figures.
    """
    form = FiguresForm(request.GET or None)
    asked: dict[str, Any] = {}
    if form.is_bound and form.is_valid():
        asked = form.cleaned_data
    figures = None
    if not form.errors:
        try:
            figures_on = partial(
                quality_figures, first=_day(asked, "from"), last=_day(asked, "to"), as_of=_day(asked, "as_of"),
                supplier_id=asked["supplier_id"].pk if asked.get("supplier_id") else None,
            )  # fmt: skip
            figures = read(lambda using: figures_on(using=using), user=request.user)
        except DomainError as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, refusal.detail)
    is_now = figures is not None and figures.as_of == clock.today() and figures.supplier_id is None
    context = admin.site.each_context(request) | {
        "title": TITLE,
        "form": form,
        "figures": figures,
        "supplier": asked.get("supplier_id"),
        "tables": tables_of(figures) if figures else {},
        "charts": charts_of(figures, is_now=is_now) if figures else {},
        "media": form.media,
    }
    return TemplateResponse(request, "kpi/figures.html", context)


def _day(asked: dict[str, Any], name: str) -> date | None:
    return asked.get(name)


add_page(
    OwnPage("figures/", "figures", TITLE, figures_page, lambda user: is_allowed(user, "retrieve", KPI_ROLES)),
)
