"""Recording a case."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import transaction

from audit.services import record
from ncs.choices import NcStatus
from ncs.events import NonConformityOpened, NonConformityRepeated
from ncs.models import NonConformity
from ncs.repeats import Repeats, repeats_of
from ncs.services.fields import demand_agreement, described, details, due_by
from ncs.services.storing import iso
from outbox.publisher import publish
from qhse import clock
from qhse.accounts.models import User
from qhse.queries import WrittenInsert
from suppliers.services import count_nonconformity_opened

_NOTHING = ("", None)


@transaction.atomic
def open_nonconformity(*, supplier_id: int, severity: str, description: str, actor: User, **more: Any) -> NonConformity:
    """
    Record a non-conformity against a supplier.

    `more` may have system, category, detected_on, detected_at, part_no, lot_no, po_ref, qty_received, qty_defective,
    owner_id and due_on. Without a due date it has that of its severity. If it repeats earlier ones of its supplier, the
    newest is kept as `repeat_of`.

    Row, supplier's counts, audit entry and NonConformityOpened event are stored together or not at all, and with a
    repeat NonConformityRepeated. Locks the supplier.

    Raises SupplierIsUnknown, DescriptionIsInvalid, DetailIsInvalid, OwnerIsUnknown.
    """
    values = details(more)
    details({"severity": severity})
    description = described(description)
    demand_agreement(values.get("qty_received"), values.get("qty_defective"))
    # First: it takes the lock at which writers of one supplier queue up, and proves that the supplier exists.
    count_nonconformity_opened(supplier_id=supplier_id, severity=severity)
    values["due_on"] = values.get("due_on") or due_by(severity, clock.today())
    repeats = repeats_of(
        supplier_id=supplier_id, category=values.get("category", ""), part_no=values.get("part_no", "")
    )
    if repeats.ids:
        values["repeat_of_id"] = repeats.ids[0]
    nc = NonConformity(supplier_id=supplier_id, severity=severity, description=description, reported_by=actor, **values)
    _new_nc.insert(nc)
    told = {name: value for name, value in values.items() if value not in _NOTHING and (name, value) != _USUAL}
    changes = {"supplier_id": supplier_id, "severity": severity, "status": NcStatus.OPEN.value}
    record(
        actor=actor,
        action="NC_CREATED",
        entity_type="nonconformity",
        entity_id=nc.pk,
        changes={name: (None, value) for name, value in {**changes, "description": description, **told}.items()},
    )
    _publish(nc, repeats, actor)
    nc.similar = repeats.ids
    return nc


_new_nc = WrittenInsert(NonConformity)
_USUAL = ("system", "quality")


def _publish(nc: NonConformity, repeats: Repeats, actor: User) -> None:
    publish(
        NonConformityOpened(
            nc_id=nc.pk,
            supplier_id=nc.supplier_id,
            severity=nc.severity,
            number=nc.number,
            system=nc.system,
            category=nc.category,
            part_no=nc.part_no,
            due_on=iso(nc.due_on),
            repeat_of=nc.repeat_of_id,
        ),
        actor=actor,
    )
    if repeats.ids:
        publish(
            NonConformityRepeated(
                nc_id=nc.pk,
                supplier_id=nc.supplier_id,
                severity=nc.severity,
                matches=repeats.ids,
                rule=repeats.rule,
                window_days=settings.NC_REPEAT_DAYS,
            ),
            actor=actor,
        )
