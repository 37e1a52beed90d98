"""What all writes to certificates share: the locks, how a change is stored and told, and what follows from it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.db.models import F

from audit.services import record
from outbox.publisher import publish
from qhse import clock
from qhse.accounts.models import User
from qhse.errors import demand_version
from suppliers.choices import CertificateStatus
from suppliers.errors import CertificateNotFound, SupplierIsMerged
from suppliers.events import CertificateEvent, CertificateSuperseded
from suppliers.models import Certificate, Supplier
from suppliers.services.storing import differing, locked_supplier

Versions = Collection[int] | None


def locked_certificate(certificate_id: int, expected_versions: Versions = None) -> tuple[Certificate, Supplier]:
    """
    Return a certificate and its supplier, both locked: the supplier first, at which all who write to it queue up.

    Raises CertificateNotFound, SupplierIsMerged, RecordHasChanged.
    """
    supplier_id = _supplier_of(certificate_id)
    try:
        supplier = locked_supplier(supplier_id)
    except SupplierIsMerged:
        moved_to = _supplier_of(certificate_id)  # by the merge, after we had looked
        if moved_to == supplier_id:
            raise
        supplier = locked_supplier(moved_to)
    certificate = Certificate.objects.select_for_update(no_key=True, of=("self",)).get(pk=certificate_id)
    demand_version(certificate.version, expected_versions)
    certificate.supplier = supplier
    return certificate, supplier


def _supplier_of(certificate_id: int) -> int:
    supplier_id = Certificate.objects.filter(pk=certificate_id).values_list("supplier_id", flat=True).first()
    if supplier_id is None:
        raise CertificateNotFound(f"There is no certificate {certificate_id}.")
    return supplier_id


def store(certificate: Certificate, values: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Store values of a locked certificate, and count its version. Return field → (old, new) of what was another."""
    changes = differing(certificate, values)
    Certificate.objects.filter(pk=certificate.pk).update(**values, version=F("version") + 1)
    for name, value in values.items():
        setattr(certificate, name, value)
    certificate.version += 1
    return changes


def tell(
    certificate: Certificate, action: str, changes: Mapping[str, tuple[Any, Any]], actor: User | None, reason: str = ""
) -> None:
    """Leave the audit entry of a change."""
    record(
        actor=actor, action=action, entity_type="certificate", entity_id=certificate.pk, changes=dict(changes),
        reason=reason,
    )  # fmt: skip


def announce(certificate: Certificate, kind: type[CertificateEvent], actor: User | None, **more: Any) -> None:
    publish(kind(**facts(certificate), **more), actor=actor)


def facts(certificate: Certificate) -> dict[str, Any]:
    """Return what every event of a certificate says."""
    return {
        "supplier_id": certificate.supplier_id,
        "certificate_id": certificate.pk,
        "standard": str(certificate.standard),
        "edition": certificate.edition,
        "valid_to": certificate.valid_to.isoformat(),
    }


def supersede_renewed(supplier: Supplier, *, actor: User | None) -> None:
    """
    Supersede the verified certificates of a locked supplier whose renewal is verified and has begun.

    Row, audit entry and CertificateSuperseded event of each are stored in the caller's transaction. A renewal begins
    later than what it renews: so of two that would renew each other one stays.
    """
    today = clock.today()
    renewals = (
        Certificate.objects.filter(supplier_id=supplier.pk).renewing(today=today).select_related("supersedes")
    ).order_by("supersedes_id", "-valid_from")
    done: set[int] = set()
    for renewal in renewals:
        renewed = renewal.supersedes
        if renewed is None or renewed.pk in done:
            continue
        done.add(renewed.pk)
        reason = f"Renewed by {renewal}, valid from {renewal.valid_from}."
        values = {
            "status": CertificateStatus.SUPERSEDED.value,
            "status_reason": reason,
            "decided_at": clock.present(),
            "decided_by_id": None if actor is None else actor.pk,
        }
        changes = store(renewed, values)
        tell(renewed, "CERTIFICATE_SUPERSEDED", {"status": changes["status"]}, actor, reason)
        announce(renewed, CertificateSuperseded, actor, superseded_by=renewal.pk)
