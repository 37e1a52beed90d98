"""What later cases repeat, when the one that they repeat is none any more."""

from __future__ import annotations

from ncs.choices import ClosureCode
from ncs.events import NonConformityCorrected
from ncs.models import NonConformity
from ncs.repeats import repeats_of
from ncs.services.storing import store_change
from outbox.publisher import publish
from qhse.accounts.models import User


def link_anew(earlier: NonConformity, *, actor: User, reason: str) -> None:
    """
    Have the cases that repeat this one repeat the newest before it by the rule, or nothing.

    For a locked case that has become void or another supplier's, before suppliers are locked: later cases are locked
    in the order of their ids, and all have higher ones. Each has an audit entry and a NonConformityCorrected event.
    A case that was closed as its duplicate keeps its link, and so does one that is void itself: neither counts.

    One that is recorded at the same moment, and sees this one as it was, keeps its link until it is corrected. Locking
    this one whenever a repeat is recorded would make people wait who write to other cases.
    """
    later = NonConformity.objects.filter(repeat_of=earlier).exclude(
        closure_code__in=(ClosureCode.DUPLICATE, ClosureCode.UNFOUNDED)
    )
    for each in later.select_for_update(no_key=True, of=("self",)).order_by("pk"):
        facts = {"supplier_id": each.supplier_id, "category": each.category, "part_no": each.part_no}
        found = repeats_of(**facts, before=each.pk, recorded=each.created_at).ids
        values = {"repeat_of_id": found[0] if found else None}
        if store_change(each, values, actor=actor, action="NC_CORRECTED", reason=reason):
            _publish(each, reason, actor)


def _publish(nc: NonConformity, reason: str, actor: User) -> None:
    publish(
        NonConformityCorrected(
            nc_id=nc.pk,
            supplier_id=nc.supplier_id,
            severity=nc.severity,
            previous_supplier_id=nc.supplier_id,
            fields=["repeat_of_id"],
            reason=reason,
        ),
        actor=actor,
    )
