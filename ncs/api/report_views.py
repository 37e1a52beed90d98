"""`/ncs/{id}/8d`: the report of a case, in the form that the caller accepts."""

from __future__ import annotations

from collections.abc import Sequence

from django.http import HttpResponse
from django.utils.cache import get_conditional_response
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request

from ncs.errors import FormIsNotOffered
from ncs.models import NonConformity
from ncs.permissions import NonConformityPermission
from ncs.report.content import report_of
from ncs.report.download import HTML, PDF, headers_of
from ncs.report.page import as_page
from ncs.report.pdf import as_pdf
from ncs.report.pictures import read_pictures
from ncs.report.shape import Report
from qhse.api.openapi.schema import PROBLEM_MEDIA_TYPE, ProblemSerializer
from qhse.api.viewsets import ApiViewSet

FORMS = (PDF, HTML)


@extend_schema(tags=["non-conformities"])
class ReportViewSet(ApiViewSet):
    permission_classes = [NonConformityPermission]
    queryset = NonConformity.objects.none()

    @extend_schema(
        summary="The 8D report of a non-conformity",
        responses={
            (200, PDF): OpenApiTypes.BINARY,
            (200, HTML): OpenApiTypes.STR,
            (406, PROBLEM_MEDIA_TYPE): OpenApiResponse(
                ProblemSerializer, description="Accept names neither application/pdf nor text/html"
            ),
        },
        parameters=[
            OpenApiParameter(
                "ETag", OpenApiTypes.STR, OpenApiParameter.HEADER, response=[200],
                description="Names what the report says, in this form. With If-None-Match, 304 while it says the same.",
            )
        ],
    )  # fmt: skip
    def report(self, request: Request, nc_id: int) -> HttpResponse:
        """As PDF, or as one HTML file with its pictures, by `Accept`. It tells the present state, and its proof."""
        form = chosen_form(request.headers.get("Accept", ""))
        report = report_of(nc_id)
        etag = f'"8d-{report.digest()[:32]}-{form.rpartition("/")[2]}"'
        response = get_conditional_response(request._request, etag=etag)
        if response is None:
            document, is_whole = _made(report, form)
            media_type = form if form == PDF else f"{form}; charset=utf-8"
            response = HttpResponse(document, content_type=media_type, headers=headers_of(report.number, form))
            # What lacks a picture for a while gets no name by which it could be kept.
            etag = etag if is_whole else ""
        if etag:
            response["ETag"] = etag
        response["Vary"] = "Accept"
        return response


def chosen_form(accept: str, offered: Sequence[str] = FORMS, what: str = "report") -> str:
    """Return the form that an Accept header likes best, the first offered among equals. Raises FormIsNotOffered."""
    liked = {form: _quality(accept, form) for form in offered}
    best = max(offered, key=lambda form: liked[form])
    if liked[best] <= 0:
        raise FormIsNotOffered(f"The {what} is made as {' or '.join(offered)}.")
    return best


def _quality(accept: str, form: str) -> float:
    """Return how much a form is liked, 0 to 1. The most specific range that names it decides (RFC 9110, 12.5.1)."""
    if not accept.strip():
        return 1.0
    quality = {}
    for given in accept.split(","):
        media_range, *parameters = (part.strip().lower() for part in given.split(";"))
        value = next((each[2:].strip() for each in parameters if each.startswith("q=")), "1")
        quality[media_range] = _number(value)
    for media_range in (form, f"{form.partition('/')[0]}/*", "*/*"):
        if media_range in quality:
            return quality[media_range]
    return 0.0


def _number(text: str) -> float:
    whole, _, part = text.partition(".")
    if whole not in ("0", "1") or not (part == "" or (part.isascii() and part.isdecimal() and len(part) <= 3)):
        return 0.0
    return min(float(f"{whole}.{part or 0}"), 1.0)


def _made(report: Report, form: str) -> tuple[bytes, bool]:
    """Return the document, and whether it has all of its pictures."""
    pictures = read_pictures(report.files)
    if form == HTML:
        return as_page(report, pictures).encode(), pictures.is_whole
    document = as_pdf(report, pictures)
    return document.content, document.is_whole
