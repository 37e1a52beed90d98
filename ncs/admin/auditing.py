"""What auditors take in the admin: samples of closed cases, and dossiers of records and periods."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponseNotAllowed, HttpResponseRedirect, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.urls import path, reverse

from audit.permissions import AUDIT_ROLES
from ncs.asked import day_in, key_in, number_in
from ncs.dossier.content import content_of
from ncs.dossier.download import as_download
from ncs.dossier.making import ENDINGS, make_dossier
from ncs.dossier.scopes import MODELS, Scope, scope_of_period, scope_of_record
from ncs.models import CorrectiveAction, NonConformity
from ncs.permissions import DOSSIER_ROLES, NC_ROLES
from ncs.report.page import TEMPLATE, context_of
from ncs.report.pictures import read_pictures
from ncs.sampling import DEFAULT, MAX_SEED, Sample, draw_sample
from qhse import clock
from qhse.accounts.models import User
from qhse.accounts.rights import is_allowed
from qhse.accounts.roles import Role
from qhse.adminsite.base import ServiceModelAdmin
from qhse.adminsite.panels import show_on_front_page, show_on_records
from qhse.errors import DomainError, RecordNotFound
from suppliers.models import Certificate, Supplier

SAMPLE, DOSSIER = "ncs_nonconformity_sample", "ncs_nonconformity_dossier"
FORMS = {ending: media_type for media_type, ending in ENDINGS.items()}


class AuditorPages(ServiceModelAdmin):
    """Adds the two pages to those of cases. An address without what is asked for is the empty form."""

    def get_urls(self) -> list[Any]:
        sample, dossier = (self.admin_site.admin_view(view) for view in (self.sample_page, self.dossier_page))
        return [
            path("sample/", sample, name=SAMPLE),
            path("dossier/", dossier, name=DOSSIER),
            *super().get_urls(),
        ]

    def sample_page(self, request: HttpRequest) -> HttpResponseBase:
        """Show the form, and what is drawn once its address says from when to when."""
        actor = request.user
        if not (isinstance(actor, User) and is_allowed(actor, "sample", NC_ROLES)):
            raise PermissionDenied
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        sample, refusal = self._drawn(request.GET, actor) if "from" in request.GET else (None, None)
        first, last = last_year()
        given = request.GET.dict()
        context = {
            **self.admin_site.each_context(request), "title": "Sample of closed cases", "opts": self.opts,
            "asked": {"from": first.isoformat(), "to": last.isoformat(), "n": str(DEFAULT)} | given,
            "longest": MAX_SEED, "sample": sample, "refusal": refusal,
            "cases": [(nc, self.record_url(str(nc.pk)), dossier_url(nc)) for nc in sample.cases()] if sample else (),
        }  # fmt: skip
        return TemplateResponse(request, "ncs/sample.html", context)

    def _drawn(self, query: QueryDict, actor: User) -> tuple[Sample | None, DomainError | None]:
        try:
            return draw_sample(
                first=day_in(query, "from"), last=day_in(query, "to"), n=number_in(query, "n", default=DEFAULT),
                seed=query.get("seed", ""), actor=actor,
            ), None  # fmt: skip
        except DomainError as refusal:
            return None, refusal

    def dossier_page(self, request: HttpRequest) -> HttpResponseBase:
        """Show what is asked for as a page to be read and printed, or give it as a file, which the trail records."""
        actor = request.user
        if not (isinstance(actor, User) and is_allowed(actor, "retrieve", DOSSIER_ROLES)):
            raise PermissionDenied
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        query = request.GET
        if not {"from", "entity_type"} & set(query):
            first, last = last_quarter()
            context = {
                **self.admin_site.each_context(request), "title": "Dossier of a period", "opts": self.opts,
                "asked": {"from": first.isoformat(), "to": last.isoformat()},
            }  # fmt: skip
            return TemplateResponse(request, "ncs/dossier.html", context)
        try:
            scope = _scope(query)
            if query.get("form") in FORMS:
                return as_download(make_dossier(scope, form=FORMS[query["form"]], actor=actor))
            return self._read(request, scope, actor)
        except RecordNotFound as missing:
            raise Http404(missing.detail) from missing
        except DomainError as refusal:
            self.message_user(request, refusal.detail, messages.ERROR)
            return HttpResponseRedirect(reverse(f"admin:{DOSSIER}"))

    def _read(self, request: HttpRequest, scope: Scope, actor: User) -> HttpResponseBase:
        report = content_of(scope, actor=actor)
        address = request.GET.copy()
        links = {}
        for form in ("pdf", "zip"):
            address["form"] = form
            links[f"{form}_url"] = f"{reverse(f'admin:{DOSSIER}')}?{address.urlencode()}"
        back = {"back_url": _page_of(self, scope), "back_text": "Back"}
        return render(request, TEMPLATE, context_of(report, read_pictures(report.files)) | links | back)


def _scope(query: QueryDict) -> Scope:
    if "entity_type" in query:
        return scope_of_record(query.get("entity_type", ""), key_in(query, "entity_id"))
    return scope_of_period(day_in(query, "from"), day_in(query, "to"))


def _page_of(page: ServiceModelAdmin, scope: Scope) -> str:
    """Return the page of the record, where it has one."""
    own: Any = page.admin_site._registry.get(type(scope.record)) if scope.record else None
    return own.record_url(str(scope.record.pk)) if own else reverse("admin:index")


def last_quarter() -> tuple[date, date]:
    """Return the first and the last day of the last quarter that is over."""
    today = clock.today()
    begins = today.replace(month=today.month - (today.month - 1) % 3, day=1)
    last = begins - timedelta(days=1)
    return last.replace(month=last.month - 2, day=1), last


def last_year() -> tuple[date, date]:
    today = clock.today()
    return today - timedelta(days=364), today


# --- On other pages ---------------------------------------------------------------------------------------------------


def dossier_url(record: Model, form: str = "") -> str:
    kind = next(kind for kind, model in MODELS.items() if isinstance(record, model))
    query = {"entity_type": kind, "entity_id": record.pk} | ({"form": form} if form else {})
    return reverse(f"admin:{DOSSIER}", query=query)


def dossier_panel(request: HttpRequest, record: Model) -> dict[str, Any] | None:
    """Return the way to a record's dossier, for who may take it."""
    if not is_allowed(request.user, "retrieve", DOSSIER_ROLES):
        return None
    return {
        "template": "adminsite/table_panel.html",
        "id": "dossier",
        "title": "Dossier",
        "rows": (),
        "empty": "What stands here, what happened to it, its files, and the proof of all that.",
        "links": (
            (dossier_url(record), "To read and print"),
            (dossier_url(record, "pdf"), "PDF"),
            (dossier_url(record, "zip"), "ZIP with proofs and files"),
        ),
    }


def auditor_panel(request: HttpRequest) -> dict[str, Any] | None:
    """Return what auditors begin with, for the first page."""
    if not is_allowed(request.user, "retrieve", DOSSIER_ROLES):
        return None
    since, until = last_year()
    first, last = last_quarter()
    period = {"from": since.isoformat(), "to": until.isoformat(), "n": DEFAULT}
    return {
        "template": "ncs/auditor_panel.html",
        "id": "auditing",
        "leads": getattr(request.user, "role", "") == Role.AUDITOR,  # it is their day's work
        "may_verify": is_allowed(request.user, "verify", AUDIT_ROLES),
        "sample_url": reverse(f"admin:{SAMPLE}", query=period),
        "dossier_url": reverse(f"admin:{DOSSIER}"),
        "from": first.isoformat(),
        "to": last.isoformat(),
    }


show_on_front_page(auditor_panel, order=5)
for _model in (NonConformity, CorrectiveAction, Supplier, Certificate):
    show_on_records(_model, dossier_panel)
