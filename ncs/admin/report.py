"""The 8D report of a case in the admin: a page to be printed, and a PDF."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, reverse

from ncs.errors import ReportCannotBeMade
from ncs.models import NonConformity
from ncs.report.content import report_of
from ncs.report.download import PDF, headers_of
from ncs.report.page import TEMPLATE, context_of
from ncs.report.pdf import as_pdf
from ncs.report.pictures import read_pictures
from qhse.adminsite.base import ServiceModelAdmin

PAGE_NAME, PDF_NAME = "ncs_nonconformity_report", "ncs_nonconformity_report_pdf"


class ReportPages(ServiceModelAdmin):
    """Adds the report's two addresses to the pages of a case. Who may read the case may read them."""

    def get_urls(self) -> list[Any]:
        page, pdf = (self.admin_site.admin_view(view) for view in (self.report_page, self.report_pdf))
        return [
            path("<path:object_id>/report/", page, name=PAGE_NAME),
            path("<path:object_id>/report/pdf/", pdf, name=PDF_NAME),
            *super().get_urls(),
        ]

    def report_page(self, request: HttpRequest, object_id: str) -> HttpResponse:
        nc = self._readable(request, object_id)
        report = report_of(nc.pk)
        links = {"back_url": self.record_url(str(nc.pk)), "pdf_url": report_links(nc)[1][0]}
        return render(request, TEMPLATE, context_of(report, read_pictures(report.files)) | links)

    def report_pdf(self, request: HttpRequest, object_id: str) -> HttpResponse:
        nc = self._readable(request, object_id)
        report = report_of(nc.pk)
        try:
            document = as_pdf(report, read_pictures(report.files))
        except ReportCannotBeMade as refusal:
            self.message_user(request, refusal.detail, messages.WARNING)
            return HttpResponseRedirect(self.record_url(str(nc.pk)))
        return HttpResponse(document.content, content_type=PDF, headers=headers_of(report.number, PDF))

    def _readable(self, request: HttpRequest, object_id: str) -> NonConformity:
        if not self.allows(request, "report"):
            raise PermissionDenied
        nc = self.get_object(request, unquote(object_id))
        if nc is None:
            raise Http404
        return nc  # type: ignore[no-any-return]


def report_links(nc: NonConformity) -> tuple[tuple[str, str], ...]:
    """Return the links to the report, for the page of a case."""
    of_case = (quote(nc.pk),)
    return (
        (reverse(f"{admin.site.name}:{PAGE_NAME}", args=of_case), "8D report"),
        (reverse(f"{admin.site.name}:{PDF_NAME}", args=of_case), "8D report as PDF"),
    )
