"""Cases move with a supplier that is merged into another one."""

from __future__ import annotations

from django.db.models import F

from audit.services import Actor, entry_for
from ncs.models import NonConformity
from suppliers.merging import Mover, record_in_pieces, register
from suppliers.models import Supplier
from suppliers.services.counts import move_counts


class CaseMover(Mover):
    """
    Moves cases, open and closed ones, with the counts `nc_*` of both suppliers.

    Who writes a case locks it before its supplier, so a merger does the same.
    """

    def lock(self, supplier_id: int) -> frozenset[int]:
        mine = NonConformity.objects.select_for_update(no_key=True, of=("self",)).filter(supplier_id=supplier_id)
        return frozenset(mine.order_by("pk").values_list("pk", flat=True))

    def ids(self, supplier_id: int) -> frozenset[int]:
        return frozenset(NonConformity.objects.filter(supplier_id=supplier_id).order_by().values_list("pk", flat=True))

    def move(self, source: Supplier, target: Supplier, *, actor: Actor, reason: str) -> int:
        moved = sorted(self.ids(source.pk))
        NonConformity.objects.filter(supplier=source).update(supplier=target, version=F("version") + 1)
        move_counts(source, target)
        record_in_pieces(
            entry_for(
                actor=actor,
                action="NC_MOVED",
                entity_type="nonconformity",
                entity_id=pk,
                changes={"supplier_id": (source.pk, target.pk)},
                reason=reason,
            )
            for pk in moved
        )
        return len(moved)


register("cases", CaseMover())
