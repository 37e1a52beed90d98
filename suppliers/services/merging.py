"""Merging a supplier that was recorded twice into the one that is to be left."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from audit.services import Actor, entry_for, record_all
from outbox.publisher import publish
from qhse import clock
from qhse.errors import demand_version
from suppliers.errors import DetailIsInvalid, SupplierIsBusy, SupplierIsUnknown, SupplierNotFound
from suppliers.events import SupplierMerged
from suppliers.merging import movers
from suppliers.models import Supplier
from suppliers.reassessment import assessment_of
from suppliers.services.coverage import recount
from suppliers.services.fields import demanded
from suppliers.services.moving import move_certificates, move_volumes
from suppliers.services.storing import differing, refuse_merged, store

TRIES = 5


@transaction.atomic
def merge_supplier(
    *,
    supplier_id: int,
    into_id: int,
    actor: Actor,
    reason: str,
    expected_versions: Collection[int] | None = None,
) -> Supplier:
    """
    Say that a supplier is a duplicate of another one, and move what belongs to it: cases, certificates, volumes.

    Both rows, all that moves, an audit entry for each of them and a SupplierMerged event for each supplier are stored
    together or not at all. Locks the cases of the duplicate, then both suppliers in the order of their ids.
    An override of the duplicate's risk ends: it counts nowhere, and neither does whether it is at risk.
    What was merged into the duplicate before points to the one that is left. What is said about that one stays as it
    is, its status too. The history of the duplicate and its files stay with it. Merging it again into the same one
    changes and publishes nothing. It cannot be undone.

    Raises SupplierNotFound, SupplierIsUnknown, RecordHasChanged, ReasonIsMissing; DetailIsInvalid for one that is to be
    merged into itself; SupplierIsMerged if one of them is a duplicate already; SupplierIsBusy.
    """
    if supplier_id == into_id:
        raise DetailIsInvalid("A supplier is not merged into itself.", field="into_id")
    source, target = _locked_both(supplier_id, into_id)
    if source.merged_into_id != into_id:
        refuse_merged(source)
    demand_version(source.version, expected_versions)
    if source.merged_into_id == into_id:
        return source
    refuse_merged(target, field="into_id")
    reason = demanded(reason, to="to merge a supplier")
    moved = {
        "certificates": move_certificates(source, target, actor=actor, reason=reason),
        "volumes": move_volumes(source, target, actor=actor, reason=reason),
        **{kind: mover.move(source, target, actor=actor, reason=reason) for kind, mover in movers().items()},
    }
    _store(source, target, moved, actor, reason)
    for supplier in sorted((source, target), key=lambda each: each.pk):
        event = SupplierMerged(
            supplier_id=supplier.pk, merged_id=source.pk, into_id=target.pk, **{"cases": 0} | moved, reason=reason
        )
        publish(event, actor=actor)
    return source


class _MoreHaveCome(Exception):
    """A record that is locked before its supplier was added after the others had been locked."""


def _locked_both(supplier_id: int, into_id: int) -> tuple[Supplier, Supplier]:
    for _ in range(TRIES):
        held = {kind: mover.lock(supplier_id) for kind, mover in movers().items()}
        try:
            with transaction.atomic():  # what was locked since is let go when this is rolled back
                both = Supplier.objects.select_for_update(no_key=True, of=("self",)).order_by("pk")
                found = {supplier.pk: supplier for supplier in both.filter(pk__in=(supplier_id, into_id))}
                if any(mover.ids(supplier_id) - held[kind] for kind, mover in movers().items()):
                    raise _MoreHaveCome
        except _MoreHaveCome:
            continue
        if supplier_id not in found:
            raise SupplierNotFound(f"There is no supplier {supplier_id}.")
        if into_id not in found:
            raise SupplierIsUnknown(f"There is no supplier {into_id}.", field="into_id")
        return found[supplier_id], found[into_id]
    raise SupplierIsBusy("Cases of the supplier are being recorded at this moment. Try again.")


def _store(source: Supplier, target: Supplier, moved: dict[str, int], actor: Actor, reason: str) -> None:
    earlier = list(Supplier.objects.filter(merged_into=source).order_by("pk"))
    Supplier.objects.filter(merged_into=source).update(merged_into=target, version=F("version") + 1, updated_at=Now())
    nothing: dict[str, Any] = {
        "cert_ends_on": None, "cert_missing": 0, "cert_unverified": 0, "cert_proven_until": None,
    }  # fmt: skip
    # What was decided and concluded of it speaks of nobody now. The newest row of its history says the same.
    override = {"override_level": "", "override_reason": "", "override_until": None, "override_by_id": None}
    ended = {name: pair for name, pair in differing(source, override).items() if name != "override_by_id"}
    store(source, {"merged_into_id": target.pk, "risk_at_risk": False, **nothing, **override})
    if source.is_assessed:
        assessment_of(source, day=clock.today(), cause=SupplierMerged.event_type).save(force_insert=True)
    store(target, {})
    recount(target)
    merged = [(source, None), *((each, source.pk) for each in earlier)]
    entries = [
        entry_for(
            actor=actor,
            action="SUPPLIER_MERGED",
            entity_type="supplier",
            entity_id=supplier.pk,
            changes={"merged_into_id": (old, target.pk), **(ended if supplier is source else {})},
            reason=reason,
        )
        for supplier, old in merged
    ]
    told = {f"moved_{kind}": (0, number) for kind, number in moved.items() if number}
    entries.append(
        entry_for(
            actor=actor,
            action="SUPPLIER_TAKEN_IN",
            entity_type="supplier",
            entity_id=target.pk,
            changes={"merged_id": (None, source.pk), **told},
            reason=reason,
        )
    )
    record_all(entries)
