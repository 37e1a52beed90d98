"""Certificates: handed in, corrected, verified by somebody else, rejected or withdrawn."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db import transaction

from audit.models import AuditEntry
from qhse import clock
from qhse.accounts.models import User
from qhse.errors import AnotherPersonMust
from qhse.exchange.people import prepared_import_of
from suppliers.choices import CertificateStatus
from suppliers.errors import (
    CertificateIsInvalid,
    CertificateIsKnown,
    CertificateMoveIsForbidden,
    SupplierIsUnknown,
    SupplierNotFound,
)
from suppliers.events import (
    CertificateCorrected,
    CertificateRejected,
    CertificateSubmitted,
    CertificateVerified,
    CertificateWithdrawn,
)
from suppliers.models import Certificate, Supplier
from suppliers.services.certificate_fields import demand_period, demanded, read
from suppliers.services.certificate_storing import (
    Versions,
    announce,
    locked_certificate,
    store,
    supersede_renewed,
    tell,
)
from suppliers.services.coverage import recount
from suppliers.services.storing import differing, locked_supplier

CORRECTABLE = frozenset({
    "standard", "edition", "number", "issuer", "accreditation_body", "scope", "sites", "valid_from", "valid_to",
    "last_surveillance_on", "supersedes_id",
})  # fmt: skip


@transaction.atomic
def submit_certificate(
    *,
    supplier_id: int,
    standard: str,
    number: str,
    issuer: str,
    valid_from: date,
    valid_to: date,
    actor: User,
    edition: str = "",
    accreditation_body: str = "",
    scope: str = "",
    sites: str = "",
    last_surveillance_on: date | None = None,
    supersedes_id: int | None = None,
) -> Certificate:
    """
    Hand in a certificate of a supplier. Somebody else then verifies it.

    `supersedes_id` is the certificate of the same standard that it renews. Row, `cert_*` of the supplier, audit entry
    and CertificateSubmitted event are stored together or not at all. Locks the supplier. So of several who hand one in
    at once, one succeeds.

    Raises SupplierIsUnknown, SupplierIsMerged, CertificateIsInvalid; CertificateIsKnown with the one that is there.
    """
    values = read({
        "standard": standard, "edition": edition, "number": number, "issuer": issuer,
        "accreditation_body": accreditation_body, "scope": scope, "sites": sites, "valid_from": valid_from,
        "valid_to": valid_to, "last_surveillance_on": last_surveillance_on, "supersedes_id": supersedes_id,
    })  # fmt: skip
    try:
        supplier = locked_supplier(supplier_id)
    except SupplierNotFound as refusal:
        raise SupplierIsUnknown(refusal.detail, field="supplier_id") from None
    certificate = Certificate(supplier=supplier, submitted_by=actor, **values)
    _look_at_the_whole(certificate)
    certificate.save(force_insert=True)
    certificate.refresh_from_db(fields=["submitted_at"])
    told = {"supplier_id": supplier.pk, "status": certificate.status, **values}
    changes = {name: (None, new) for name, new in told.items() if new not in ("", None)}
    tell(certificate, "CERTIFICATE_SUBMITTED", changes, actor)
    recount(supplier)
    announce(
        certificate, CertificateSubmitted, actor,
        number=certificate.number, supersedes=certificate.supersedes_id, by=actor.pk,
    )  # fmt: skip
    return certificate


@transaction.atomic
def correct_certificate(
    *, certificate_id: int, values: dict[str, Any], actor: User, reason: str, expected_versions: Versions = None
) -> Certificate:
    """
    Correct values of a certificate that nobody has verified yet: those of CORRECTABLE.

    Row, `cert_*` of the supplier, audit entry and CertificateCorrected event are stored together or not at all. Locks
    the supplier, then the certificate. Values that stand there already change and publish nothing. Another last day is
    told anew when it draws near.

    Raises CertificateNotFound, SupplierIsMerged, RecordHasChanged, ReasonIsMissing, CertificateMoveIsForbidden,
    CertificateIsInvalid, CertificateIsKnown.
    """
    if unknown := sorted(set(values) - CORRECTABLE):
        raise CertificateIsInvalid(f"{', '.join(unknown)}: cannot be corrected.", field=unknown[0])
    wanted = read(values)
    certificate, supplier = locked_certificate(certificate_id, expected_versions)
    new = {name: value for name, (_, value) in differing(certificate, wanted).items()}  # forms send what stays, too
    if not new:
        return certificate
    reason = demanded(reason, to="to correct what was recorded")
    _demand_submitted(certificate, "corrected")
    _look_at_the_whole(certificate, new)
    told_anew = {"expiry_told": None} if "valid_to" in new else {}
    changes = store(certificate, new | told_anew)
    tell(certificate, "CERTIFICATE_CORRECTED", changes, actor, reason)
    recount(supplier)
    announce(certificate, CertificateCorrected, actor, fields=sorted(new), reason=reason, by=actor.pk)
    return certificate


@transaction.atomic
def verify_certificate(
    *, certificate_id: int, method: str, actor: User, ref: str = "", expected_versions: Versions = None
) -> Certificate:
    """
    Say that a certificate is what it seems to be, and how that was found out. `ref` is where: an address, a letter.

    If it has begun, the one that it renews is superseded at once; else by a worker when it begins. Rows, `cert_*` of
    the supplier, audit entries and events, of which CertificateVerified is the first, are stored together or not at
    all. Locks the supplier, then the certificate. One that is verified in the same way changes and publishes nothing.

    Raises CertificateNotFound, SupplierIsMerged, RecordHasChanged, CertificateIsInvalid, CertificateMoveIsForbidden;
    AnotherPersonMust for who handed it in or corrected it, also by preparing an import.
    """
    how = read({"verify_method": method, "verify_ref": ref})
    certificate, supplier = locked_certificate(certificate_id, expected_versions)
    if certificate.status == CertificateStatus.VERIFIED and not differing(certificate, how):
        return certificate
    _demand_submitted(certificate, "verified")
    _demand_another(certificate, actor)
    values = {
        "status": CertificateStatus.VERIFIED.value,
        "verified_at": clock.present(),
        "verified_by_id": actor.pk,
        **how,
    }
    tell(certificate, "CERTIFICATE_VERIFIED", store(certificate, values), actor)
    announce(certificate, CertificateVerified, actor, method=certificate.verify_method, by=actor.pk)
    supersede_renewed(supplier, actor=actor)
    certificate.refresh_from_db(fields=["status", "status_reason", "decided_at", "decided_by", "version"])
    recount(supplier)
    return certificate


@transaction.atomic
def reject_certificate(
    *, certificate_id: int, reason: str, actor: User, expected_versions: Versions = None
) -> Certificate:
    """
    Say that a certificate that was handed in is not accepted. It may then be handed in anew.

    Row, `cert_*` of the supplier, audit entry and CertificateRejected event are stored together or not at all. Locks
    the supplier, then the certificate. One that is rejected already changes and publishes nothing.

    Raises CertificateNotFound, SupplierIsMerged, RecordHasChanged, ReasonIsMissing, CertificateMoveIsForbidden.
    """
    reason = demanded(reason, to="to reject a certificate")
    certificate, supplier = locked_certificate(certificate_id, expected_versions)
    if certificate.status == CertificateStatus.REJECTED:
        return certificate
    _demand_submitted(certificate, "rejected")
    _decide(certificate, CertificateStatus.REJECTED, "CERTIFICATE_REJECTED", reason, actor)
    recount(supplier)
    announce(certificate, CertificateRejected, actor, reason=reason, by=actor.pk)
    return certificate


@transaction.atomic
def withdraw_certificate(
    *, certificate_id: int, reason: str, actor: User, expected_versions: Versions = None
) -> Certificate:
    """
    Say that a verified certificate does not count any more: its issuer has taken it back, for example.

    Stored, locked and refused as by `reject_certificate`, with CertificateWithdrawn.
    """
    reason = demanded(reason, to="to withdraw a certificate")
    certificate, supplier = locked_certificate(certificate_id, expected_versions)
    if certificate.status == CertificateStatus.WITHDRAWN:
        return certificate
    if certificate.status != CertificateStatus.VERIFIED:
        raise _forbidden(certificate, "withdrawn", "only a verified one can be")
    _decide(certificate, CertificateStatus.WITHDRAWN, "CERTIFICATE_WITHDRAWN", reason, actor)
    recount(supplier)
    announce(certificate, CertificateWithdrawn, actor, reason=reason, by=actor.pk)
    return certificate


@transaction.atomic
def supersede_of(supplier_id: int) -> None:
    """
    Supersede the certificates of a supplier whose verified renewal has begun, for the worker.

    Rows, `cert_*` of the supplier, audit entries and CertificateSuperseded events are stored together or not at all.
    Locks the supplier. Nothing is left to do the second time. Raises SupplierNotFound, SupplierIsMerged.
    """
    supplier: Supplier = locked_supplier(supplier_id)
    supersede_renewed(supplier, actor=None)
    recount(supplier)


# --- What they share --------------------------------------------------------------------------------------------------


def _decide(certificate: Certificate, status: CertificateStatus, action: str, reason: str, actor: User) -> None:
    values = {
        "status": status.value,
        "status_reason": reason,
        "decided_at": clock.present(),
        "decided_by_id": actor.pk,
    }
    changes = store(certificate, values)
    tell(certificate, action, {"status": changes["status"]}, actor, reason)


def _look_at_the_whole(certificate: Certificate, new: dict[str, Any] | None = None) -> None:
    """Refuse values that do not go together, with each other or with other certificates of the locked supplier."""
    whole = {name: getattr(certificate, name) for name in CORRECTABLE} | (new or {})
    demand_period(whole["valid_from"], whole["valid_to"])
    of_supplier = Certificate.objects.filter(supplier_id=certificate.supplier_id).exclude(pk=certificate.pk)
    identity = {name: whole[name] for name in ("standard", "number", "valid_from")}
    known = of_supplier.filter(**identity).exclude(status=CertificateStatus.REJECTED).first()
    if known is not None:
        raise CertificateIsKnown(
            f"{known}, valid from {known.valid_from}, is recorded already as number {known.pk}.",
            field="number",
            existing=known,
        )
    if whole["supersedes_id"] is None:
        return
    renewed = of_supplier.filter(pk=whole["supersedes_id"], standard=whole["standard"]).first()
    if renewed is None or renewed.valid_from >= whole["valid_from"]:
        raise CertificateIsInvalid(
            "It renews an earlier certificate of the same supplier and standard, or none.", field="supersedes"
        )


def _demand_submitted(certificate: Certificate, said_as: str) -> None:
    if certificate.status != CertificateStatus.SUBMITTED:
        raise _forbidden(certificate, said_as, f"it is {certificate.get_status_display().lower()}")


def _forbidden(certificate: Certificate, said_as: str, why: str) -> CertificateMoveIsForbidden:
    return CertificateMoveIsForbidden(f"The certificate cannot be {said_as}: {why}.")


def _demand_another(certificate: Certificate, actor: User) -> None:
    if stands_behind(certificate, actor):
        raise AnotherPersonMust(
            "A certificate is verified by somebody else than who handed it in or corrected it, or prepared the import "
            "that did."
        )


def stands_behind(certificate: Certificate, user: User) -> bool:
    """
    Answer whether somebody handed a certificate in or corrected it, so that another person has to verify it.

    Who prepared the import that did it has done it as well. Who corrected it is asked of the trail: a column would name
    the last of several.
    """
    corrected = AuditEntry.objects.about("certificate", certificate.pk).filter(action="CERTIFICATE_CORRECTED")
    return (
        certificate.submitted_by_id == user.pk
        or corrected.filter(actor_id=user.pk).exists()
        or prepared_import_of(user, "certificate", certificate.pk)
    )
