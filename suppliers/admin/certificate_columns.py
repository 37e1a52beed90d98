"""Columns and fields of certificates, in words that people read at a glance."""

from __future__ import annotations

from datetime import date

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from qhse.adminsite.display import NONE, badge, days, link, prose
from suppliers.choices import RENEWAL_NOTICE_DAYS, CertificateStatus
from suppliers.models import Certificate, Supplier
from suppliers.standards import SUPERSEDED, Standard

STATUS_BADGES = {
    CertificateStatus.SUBMITTED: "warn",
    CertificateStatus.VERIFIED: "good",
    CertificateStatus.REJECTED: "bad",
    CertificateStatus.WITHDRAWN: "bad",
    CertificateStatus.SUPERSEDED: "mute",
}


def left_words(left: int) -> SafeString:
    """Return how many days are left until a last day, in words and not by colour alone."""
    if left < 0:
        return badge(f"expired {days(-left)} ago", "bad")
    if left <= RENEWAL_NOTICE_DAYS:
        return badge(f"{days(left)} left" if left else "last day", "warn")
    return format_html('<span class="quiet">{} left</span>', days(left))


def proof_words(supplier: Supplier) -> str:
    """Return how the declared date of a supplier stands to what its certificates prove."""
    declared, proven = supplier.certification_expiry, supplier.cert_proven_until
    if proven is None:
        said = "No date is declared" if declared is None else f"Declared, not proven: {declared} is declared"
        lacks = "a required standard has no verified certificate that has begun"
        if not supplier.required_standards:
            lacks = "no certificate that has begun is verified"
        return f"{said}, and {lacks}."
    if declared is None:
        return f"Proven until {proven}. No date is declared."
    if supplier.declared_not_proven:
        return f"Declared, not proven: {declared} is declared, and certificates prove it until {proven} only."
    return f"Declared until {declared}, proven until {proven}."


class CertificateColumns:
    """What a list and the page show of a certificate."""

    @admin.display(description="supplier", ordering="supplier__name_order")
    def supplier_name(self, certificate: Certificate) -> str:
        return certificate.supplier.name

    @admin.display(description="supplier")
    def supplier_link(self, certificate: Certificate) -> SafeString:
        page = reverse("admin:suppliers_supplier_change", args=(certificate.supplier_id,))
        return link(page, certificate.supplier.name)

    @admin.display(description="standard", ordering="standard")
    def standard_name(self, certificate: Certificate) -> str:
        return certificate.get_standard_display()

    @admin.display(description="edition", ordering="edition")
    def edition_told(self, certificate: Certificate) -> SafeString | str:
        if not certificate.on_superseded_edition:
            return certificate.edition or NONE
        superseded = SUPERSEDED[Standard(certificate.standard)]
        told = badge(f"superseded by {superseded.by}", "warn")
        return format_html('<span class="nowrap">{} {}</span>', certificate.edition, told)

    @admin.display(description="edition")
    def edition_in_full(self, certificate: Certificate) -> SafeString | str:
        told = self.edition_told(certificate)
        if not certificate.on_superseded_edition:
            return told
        until = SUPERSEDED[Standard(certificate.standard)].ends_on
        return format_html('{} <span class="quiet">Certificates on it run until {} at the latest.</span>', told, until)

    @admin.display(description="number", ordering="number")
    def number_told(self, certificate: Certificate) -> str:
        return certificate.number

    @admin.display(description="issuer", ordering="issuer")
    def issuer_told(self, certificate: Certificate) -> str:
        body = certificate.accreditation_body
        return f"{certificate.issuer}, accredited by {body}" if body else certificate.issuer

    @admin.display(description="valid until", ordering="valid_to")
    def ends(self, certificate: Certificate) -> SafeString:
        return format_html('<span class="nowrap">{}</span>', _iso(certificate.valid_to))

    @admin.display(description="days left", ordering="valid_to")
    def left(self, certificate: Certificate) -> SafeString | str:
        return _left(certificate) or NONE

    @admin.display(description="valid")
    def period(self, certificate: Certificate) -> SafeString:
        return format_html("{} to {} {}", _iso(certificate.valid_from), _iso(certificate.valid_to), _left(certificate))

    @admin.display(description="status", ordering="status")
    def status_badge(self, certificate: Certificate) -> SafeString:
        return badge(certificate.get_status_display(), STATUS_BADGES[CertificateStatus(certificate.status)])

    @admin.display(description="verified by", ordering="verified_by__name_order")
    def verifier(self, certificate: Certificate) -> str:
        return NONE if certificate.verified_by is None else certificate.verified_by.username

    @admin.display(description="scope")
    def scope_told(self, certificate: Certificate) -> SafeString | str:
        return prose(certificate.scope)

    @admin.display(description="sites")
    def sites_told(self, certificate: Certificate) -> SafeString | str:
        return prose(certificate.sites)

    @admin.display(description="last surveillance")
    def surveillance(self, certificate: Certificate) -> str:
        return NONE if certificate.last_surveillance_on is None else _iso(certificate.last_surveillance_on)

    @admin.display(description="renews")
    def renews(self, certificate: Certificate) -> SafeString | str:
        earlier = certificate.supersedes
        return "" if earlier is None else _to(earlier)

    @admin.display(description="renewed by")
    def renewed_by(self, certificate: Certificate) -> SafeString | str:
        later = Certificate.objects.filter(supersedes=certificate).order_by("-id").first()
        return "" if later is None else format_html("{} {}", _to(later), self.status_badge(later))

    @admin.display(description="handed in")
    def handed_in(self, certificate: Certificate) -> str:
        return f"{certificate.submitted_at:%Y-%m-%d %H:%M} UTC by {certificate.submitted_by.username}"

    @admin.display(description="verified")
    def verified(self, certificate: Certificate) -> SafeString | str:
        if certificate.verified_at is None or certificate.verified_by is None:
            return ""
        how = certificate.get_verify_method_display()
        when = f"{certificate.verified_at:%Y-%m-%d %H:%M} UTC by {certificate.verified_by.username}: {how}"
        return prose(f"{when}\n{certificate.verify_ref}")

    @admin.display(description="decided")
    def decided(self, certificate: Certificate) -> SafeString | str:
        if certificate.decided_at is None:
            return ""
        who = "when the renewal began" if certificate.decided_by is None else f"by {certificate.decided_by.username}"
        return prose(f"{certificate.decided_at:%Y-%m-%d %H:%M} UTC {who}\n{certificate.status_reason}")


def _left(certificate: Certificate) -> SafeString | str:
    """Return how many days a current certificate has left. One that has not begun is not one that lasts long."""
    if not certificate.is_current:
        return ""
    if certificate.has_begun:
        return left_words(certificate.days_left)
    return badge(f"begins on {certificate.valid_from}", "mute")


def _to(certificate: Certificate) -> SafeString:
    page = reverse("admin:suppliers_certificate_change", args=(certificate.pk,))
    return link(page, f"{certificate}, until {certificate.valid_to}")


def _iso(day: date) -> str:
    return day.isoformat()
