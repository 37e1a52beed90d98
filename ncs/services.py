"""Writes to NCs that somebody asks for. Each stores rows, audit entry and outbox event in one transaction."""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from audit.services import record
from ncs.choices import NcStatus
from ncs.errors import DescriptionIsInvalid, NonConformityMoveIsForbidden, NonConformityNotFound
from ncs.events import NonConformityClosed, NonConformityOpened
from ncs.models import NonConformity
from ncs.workflow import may_move
from outbox.publisher import publish
from qhse.accounts.models import User
from qhse.errors import demand_version
from qhse.queries import WrittenInsert
from qhse.text import plain
from suppliers.services import count_nonconformity_closed, count_nonconformity_opened

MAX_DESCRIPTION = 5000  # characters


@transaction.atomic
def open_nonconformity(*, supplier_id: int, severity: str, description: str, actor: User) -> NonConformity:
    """
    Record a non-conformity against a supplier.

    Row, supplier's counts, audit entry and NonConformityOpened event are stored together or not at all. Locks the
    supplier.

    Raises SupplierIsUnknown, DescriptionIsInvalid.
    """
    description = plain(description)
    if not 1 <= len(description) <= MAX_DESCRIPTION:
        raise DescriptionIsInvalid(f"The description must have 1 to {MAX_DESCRIPTION} characters.", field="description")
    # First: it takes the lock at which writers of one supplier queue up, and proves that the supplier exists.
    count_nonconformity_opened(supplier_id=supplier_id, severity=severity)
    nc = NonConformity(supplier_id=supplier_id, severity=severity, description=description, reported_by=actor)
    _new_nc.insert(nc)
    record(
        actor=actor,
        action="NC_CREATED",
        entity_type="nonconformity",
        entity_id=nc.pk,
        changes={
            "supplier_id": (None, supplier_id),
            "severity": (None, severity),
            "status": (None, NcStatus.OPEN.value),
            "description": (None, description),
        },
    )
    publish(NonConformityOpened(nc_id=nc.pk, supplier_id=supplier_id, severity=severity), actor=actor)
    return nc


_new_nc = WrittenInsert(NonConformity)


@transaction.atomic
def close_nonconformity(
    *, nc_id: int, actor: User, reason: str = "", expected_versions: Collection[int] | None = None
) -> NonConformity:
    """
    Close a non-conformity, once.

    Status, supplier's counts, audit entry and NonConformityClosed event are stored together or not at all. Locks the
    NC, then its supplier. Closing a closed one changes and publishes nothing, so a client may repeat the call after a
    lost answer.

    Raises NonConformityNotFound and NonConformityMoveIsForbidden; RecordHasChanged when the NC's version is not among
    the `expected_versions`. None expects nothing.
    """
    # Locked so that two closers take turns: unlocked, both would see OPEN and both would publish.
    nc = NonConformity.objects.select_for_update(no_key=True, of=("self",)).filter(pk=nc_id).first()
    if nc is None:
        raise NonConformityNotFound(f"There is no non-conformity {nc_id}.")
    demand_version(nc.version, expected_versions)
    if nc.status == NcStatus.CLOSED:
        return nc
    if not may_move(nc.status, NcStatus.CLOSED):
        raise NonConformityMoveIsForbidden(f"{nc.number} is {nc.status} and cannot be closed.")
    reason = plain(reason)
    NonConformity.objects.filter(pk=nc.pk).update(
        status=NcStatus.CLOSED,
        closed_at=Now(),
        closed_by=actor,
        closure_reason=reason,
        version=F("version") + 1,
    )
    count_nonconformity_closed(supplier_id=nc.supplier_id, severity=nc.severity)
    record(
        actor=actor,
        action="NC_CLOSED",
        entity_type="nonconformity",
        entity_id=nc.pk,
        changes={"status": (nc.status, NcStatus.CLOSED.value)},
        reason=reason,
    )
    publish(NonConformityClosed(nc_id=nc.pk, supplier_id=nc.supplier_id, severity=nc.severity), actor=actor)
    nc.refresh_from_db()
    return nc
