"""Certificates on other pages: a supplier's, and the first one. What is to be renewed: `renewals.py`."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from qhse.accounts.models import User
from qhse.adminsite.display import NONE, badge, link, moment
from suppliers.admin.certificate_columns import proof_words
from suppliers.coverage import counted_of
from suppliers.models import Certificate, Supplier
from suppliers.standards import Standard
from suppliers.work import to_verify_by

TABLE = "adminsite/table_panel.html"
RENEWS = "renews"  # in the address of the form: the certificate that the new one renews
PANEL_ROWS = 20
WORK_ROWS = 5
SHOWN = 36  # characters of a number, where it stands beside others


def certificates_panel(request: HttpRequest, supplier: Supplier) -> dict[str, Any] | None:
    """Return a supplier's certificates, with what is missing above them and what is declared beside what is proven."""
    page: Any = admin.site.get_model_admin(Certificate)
    if not page.has_view_permission(request):
        return None
    certificates = Certificate.objects.filter(supplier=supplier)
    current = list(certificates.current().order_by("valid_to", "id")[:PANEL_ROWS])
    covered = counted_of(current, supplier.read_on)
    may_add = page.has_add_permission(request) and supplier.merged_into_id is None
    rows = [
        (_standard(code), NONE, NONE, badge("Missing", "bad"), NONE,
         *((_hand_in(supplier, standard=code),) if may_add else ()))
        for code in supplier.required_standards if code not in covered
    ]  # fmt: skip
    renewed = set(certificates.filter(supersedes__in=current).current().values_list("supersedes_id", flat=True))
    rows += [
        (_to(page, each), _number(each), page.ends(each), page.status_badge(each), page.left(each),
         *((NONE if each.pk in renewed else renew_link(each),) if may_add else ()))
        for each in current
    ]  # fmt: skip
    number = certificates.count()
    listed = reverse("admin:suppliers_certificate_changelist")
    links = [(f"{listed}?supplier={supplier.pk}&status=all", f"All certificates ({number})")] if number else []
    if may_add:
        links.append((add_url(supplier), "Hand in a certificate"))
    return {
        "template": TABLE,
        "id": "certificates",
        "title": "Certificates",
        "note": proof_words(supplier),
        "columns": ("Standard", "Number", "Valid until", "Status", "Days left", *(("Renewal",) if may_add else ())),
        "rows": rows,
        "empty": "None is submitted or verified.",
        "links": links,
    }


def to_verify_panel(request: HttpRequest) -> dict[str, Any] | None:
    """Return the certificates that wait for this person, the oldest first. None for who verifies none."""
    page: Any = admin.site.get_model_admin(Certificate)
    if not page.allows(request, "verify") or not isinstance(request.user, User):
        return None
    waiting = to_verify_by(request.user)
    number = waiting.count()
    listed = reverse("admin:suppliers_certificate_changelist")
    rows = waiting.select_related("supplier", "submitted_by")[:WORK_ROWS]
    return {
        "template": TABLE,
        "id": "certificates-to-verify",
        "title": f"Certificates to verify: {number}" if number else "Certificates to verify",
        "columns": ("Certificate", "Supplier", "Valid until", "Handed in by", "When (UTC)"),
        "rows": [
            (named(page, each), supplier_link(each.supplier), until(page, each),
             each.submitted_by.username, moment(each.submitted_at))
            for each in rows
        ],
        "empty": "None waits for you.",
        "links": (
            (f"{listed}?status=submitted", "All that wait"),
            (f"{listed}?edition=superseded", "On a superseded edition"),
        ),
    }  # fmt: skip


def _to(page: Any, certificate: Certificate) -> SafeString:
    edition = f":{certificate.edition}" if certificate.edition else ""
    return link(page.record_url(str(certificate.pk)), f"{certificate.get_standard_display()}{edition}")


def named(page: Any, certificate: Certificate) -> SafeString:
    return link(page.record_url(str(certificate.pk)), Truncator(certificate).chars(SHOWN))


def supplier_link(supplier: Supplier) -> SafeString:
    page = reverse("admin:suppliers_supplier_change", args=(supplier.pk,))
    return link(page, Truncator(supplier.name).chars(SHOWN))


def _number(certificate: Certificate) -> SafeString:
    return format_html('<span class="nowrap">{}</span>', Truncator(certificate.number).chars(SHOWN))


def until(page: Any, certificate: Certificate) -> SafeString:
    return format_html("{} {}", page.ends(certificate), page.left(certificate))


def _standard(code: str) -> str:
    return str(Standard(code).label) if code in Standard.values else code


def add_url(supplier: Supplier, **more: Any) -> str:
    return reverse("admin:suppliers_certificate_add", query={"supplier": supplier.pk, **more})


def _hand_in(supplier: Supplier, standard: str) -> SafeString:
    return format_html(
        '<a href="{}">Hand in<span class="visually-hidden"> {}</span></a>',
        add_url(supplier, standard=standard), _standard(standard),
    )  # fmt: skip


def renew_link(certificate: Certificate) -> SafeString:
    url = reverse("admin:suppliers_certificate_add", query={RENEWS: certificate.pk})
    return format_html('<a href="{}">Renew<span class="visually-hidden"> {}</span></a>', url, certificate)
