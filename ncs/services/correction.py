"""Correcting what was recorded of an open case."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

from django.db import transaction

from ncs.errors import DetailIsInvalid
from ncs.events import NonConformityCorrected, NonConformitySeverityChanged
from ncs.models import NonConformity
from ncs.services.fields import demand_agreement, demanded, described, details, due_by
from ncs.services.repeating import link_anew
from ncs.services.storing import differing, locked_open, store_change
from outbox.publisher import publish
from qhse.accounts.models import User
from qhse.text import base_letters
from suppliers.services import move_nonconformity

CORRECTABLE = frozenset({
    "supplier_id", "severity", "description", "system", "category", "detected_on", "detected_at", "part_no", "lot_no",
    "po_ref", "qty_received", "qty_defective", "due_on", "customer_informed_on", "cost", "repeat_of_id",
})  # fmt: skip


# What a concession is given for.
CONCEDED = frozenset({
    "supplier_id", "severity", "description", "category", "part_no", "lot_no", "qty_received", "qty_defective",
})  # fmt: skip


@transaction.atomic
def correct_nonconformity(
    *,
    nc_id: int,
    values: dict[str, Any],
    actor: User,
    reason: str,
    expected_versions: Collection[int] | None = None,
) -> NonConformity:
    """
    Correct values of an open case: those of CORRECTABLE.

    Row, the counts of both suppliers, audit entry and NonConformityCorrected event are stored together or not at all;
    with another severity NonConformitySeverityChanged as well. Locks the case, then the suppliers in the order of their
    ids. Values that stand there already change and publish nothing. A due date that nobody chose follows the severity.
    A concession that was given for other facts is taken back. Of another supplier, it is repeated by no case of the
    former one any more.

    Raises NonConformityNotFound, NonConformityIsClosed, RecordHasChanged, ReasonIsMissing, DescriptionIsInvalid,
    DetailIsInvalid, SupplierIsUnknown.
    """
    new = _read(values)
    nc = locked_open(nc_id, expected_versions)
    before = nc.supplier_id, nc.severity
    if not differing(nc, new):
        return nc
    reason = demanded(reason, to="to correct what was recorded")
    new = {name: value for name, (_, value) in differing(nc, new).items()}  # forms send what stays, too
    _look_at_the_whole(nc, new)
    fields = sorted(new)
    new |= _what_follows(nc, new)
    if "description" in new:
        new["search_key"] = base_letters(new["description"])
    store_change(nc, new, actor=actor, action="NC_CORRECTED", reason=reason)
    after = nc.supplier_id, nc.severity
    if before[0] != after[0]:
        link_anew(nc, actor=actor, reason=reason)
    if before != after:
        move_nonconformity(before=before, after=after)
    _publish(nc, before, fields, reason, actor)
    return nc


def _read(values: dict[str, Any]) -> dict[str, Any]:
    if unknown := sorted(set(values) - CORRECTABLE):
        raise DetailIsInvalid(f"{', '.join(unknown)}: cannot be corrected.", field=unknown[0])
    plain = {name: values[name] for name in ("supplier_id", "repeat_of_id") if name in values}
    read = details({name: value for name, value in values.items() if name not in {*plain, "description"}})
    if "description" in values:
        read["description"] = described(values["description"])
    return plain | read


def _look_at_the_whole(nc: NonConformity, new: dict[str, Any]) -> None:
    demand_agreement(new.get("qty_received", nc.qty_received), new.get("qty_defective", nc.qty_defective))
    recorded: date = nc.created_at.date()
    if "severity" in new and "due_on" not in new and nc.due_on == due_by(nc.severity, recorded):
        new["due_on"] = due_by(new["severity"], recorded)
    if "due_on" in new and new["due_on"] is None:
        raise DetailIsInvalid("An open case has a due date.", field="due_on")
    earlier = new.get("repeat_of_id")
    if earlier is not None:
        supplier_id = new.get("supplier_id", nc.supplier_id)
        if not NonConformity.objects.filter(pk=earlier, pk__lt=nc.pk, supplier_id=supplier_id).exists():
            raise DetailIsInvalid("It repeats an earlier case of the same supplier, or none.", field="repeat_of")
    elif "supplier_id" in new and nc.repeat_of_id is not None:
        new["repeat_of_id"] = None  # of the other supplier, it repeats nothing


def _what_follows(nc: NonConformity, new: dict[str, Any]) -> dict[str, Any]:
    """A concession was given for other facts, and a due date that has passed is told anew."""
    follows: dict[str, Any] = {}
    if nc.concession_by_id is not None and CONCEDED & set(new):
        follows["concession_by_id"] = None
    if "due_on" in new:
        follows["overdue_told"] = None
    return follows


def _publish(nc: NonConformity, before: tuple[int, str], fields: list[str], reason: str, actor: User) -> None:
    supplier_id, severity = before
    publish(
        NonConformityCorrected(
            nc_id=nc.pk,
            supplier_id=nc.supplier_id,
            severity=nc.severity,
            previous_supplier_id=supplier_id,
            fields=fields,
            reason=reason,
        ),
        actor=actor,
    )
    if severity != nc.severity:
        publish(
            NonConformitySeverityChanged(
                nc_id=nc.pk, supplier_id=nc.supplier_id, old=severity, new=nc.severity, reason=reason
            ),
            actor=actor,
        )
