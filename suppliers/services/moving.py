"""What belongs to a supplier itself and moves when it is merged: its certificates and its volumes."""

from __future__ import annotations

from typing import Any

from django.db.models import F
from django.db.models.functions import Now

from audit.models import AuditEntry
from audit.services import Actor, entry_for
from suppliers.choices import CertificateStatus
from suppliers.merging import record_in_pieces
from suppliers.models import Certificate, Supplier, SupplierVolume
from suppliers.models.certificate import CURRENT

COUNTED = ("received_qty", "defective_qty", "received_lots", "rejected_lots", "late_lots")


def move_certificates(source: Supplier, target: Supplier, *, actor: Actor, reason: str) -> int:
    """
    Move the certificates of one locked supplier to another one, with an entry each. Return how many have moved.

    One that both have handed in counts once. That of the target stays what it is; that of the source stays where it is,
    and is superseded if it was current. So a verification is never carried over to a record that nobody has looked at.
    What renews it now renews that of the target.
    """
    accepted = Certificate.objects.filter(supplier=target).exclude(status=CertificateStatus.REJECTED)
    theirs = {tuple(key): pk for pk, *key in accepted.values_list("pk", *_KEY)}
    mine = list(Certificate.objects.select_for_update(no_key=True, of=("self",)).filter(supplier=source).order_by("pk"))
    doubled = [each for each in mine if each.status != CertificateStatus.REJECTED and _key(each) in theirs]
    left = {each.pk: theirs[_key(each)] for each in doubled}
    moved = [each for each in mine if each.pk not in left]
    Certificate.objects.filter(supplier=source).exclude(pk__in=left).update(supplier=target, version=F("version") + 1)
    renewals = {each.pk: left[each.supersedes_id] for each in moved if each.supersedes_id in left}
    for pk, renewed in renewals.items():
        Certificate.objects.filter(pk=pk).update(supersedes_id=renewed)
    entries = []
    for each in moved:
        renews = {"supersedes_id": (each.supersedes_id, renewals[each.pk])} if each.pk in renewals else {}
        changes = {"supplier_id": (source.pk, target.pk), **renews}
        entries.append(_certificate_entry(each, "CERTIFICATE_MOVED", changes, actor, reason))
    record_in_pieces(entries + _superseded(doubled, target, actor))
    return len(moved)


def _superseded(doubled: list[Certificate], target: Supplier, actor: Actor) -> list[AuditEntry]:
    """Supersede those of them that are current, and return their entries."""
    current = [each for each in doubled if each.status in CURRENT]
    why = f"{target.code} has handed in the same certificate."
    Certificate.objects.filter(pk__in=[each.pk for each in current]).update(
        status=CertificateStatus.SUPERSEDED,
        status_reason=why,
        decided_at=Now(),
        decided_by_id=actor.pk,
        version=F("version") + 1,
    )
    return [
        _certificate_entry(
            each, "CERTIFICATE_SUPERSEDED", {"status": (each.status, CertificateStatus.SUPERSEDED.value)}, actor, why
        )
        for each in current
    ]


def _certificate_entry(
    certificate: Certificate, action: str, changes: dict[str, Any], actor: Actor, reason: str
) -> AuditEntry:
    return entry_for(
        actor=actor, action=action, entity_type="certificate", entity_id=certificate.pk, changes=changes, reason=reason
    )


_KEY = ("standard", "number", "valid_from")


def _key(certificate: Certificate) -> tuple[Any, ...]:
    return tuple(getattr(certificate, name) for name in _KEY)


def move_volumes(source: Supplier, target: Supplier, *, actor: Actor, reason: str) -> int:
    """
    Move what one locked supplier has delivered to another one. Return how many months there were.

    Both have an entry of each month. A month that both have is added up at the target; the row of the source stays,
    with nothing in it.
    """
    theirs = {each.month: each for each in SupplierVolume.objects.filter(supplier=target)}
    mine = list(SupplierVolume.objects.filter(supplier=source).order_by("month"))
    entries: list[AuditEntry] = []
    shared: list[SupplierVolume] = []
    for row in mine:
        same = theirs.get(row.month)
        moved = {name: getattr(row, name) for name in COUNTED}
        present = {name: getattr(same, name) for name in COUNTED} if same else dict.fromkeys(COUNTED, 0)
        entries.append(_entry(source, row, False, {name: (n, 0) for name, n in moved.items() if n}, actor, reason))
        entries.append(
            _entry(
                target,
                row,
                same is None,
                {name: (present[name], present[name] + n) for name, n in moved.items() if n},
                actor,
                reason,
            )
        )
        if same is not None:
            shared += _added_up(row, same)
    SupplierVolume.objects.filter(pk__in=[row.pk for row in mine if row.month not in theirs]).update(
        supplier=target, version=F("version") + 1, updated_at=Now()
    )
    SupplierVolume.objects.bulk_update(shared, [*COUNTED, "version", "updated_at"], batch_size=200)
    record_in_pieces(entries)
    return len(mine)


def _added_up(source: SupplierVolume, target: SupplierVolume) -> list[SupplierVolume]:
    for name in COUNTED:
        setattr(target, name, getattr(target, name) + getattr(source, name))
        setattr(source, name, 0)
    for row in (source, target):
        row.version += 1
        row.updated_at = Now()
    return [source, target]


def _entry(
    supplier: Supplier, row: SupplierVolume, is_new: bool, changes: dict[str, Any], actor: Actor, reason: str
) -> AuditEntry:
    month = f"{row.month:%Y-%m}"
    return entry_for(
        actor=actor,
        action="VOLUME_MOVED",
        entity_type="supplier",
        entity_id=supplier.pk,
        changes={"volume_month": (None if is_new else month, month), **changes},
        reason=reason,
    )
