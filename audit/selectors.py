"""The trail seen from outside."""

from __future__ import annotations

from django.db.models import Count, Exists, OuterRef, Value

from audit.models import AuditEntry, AuditSeal, SealedEntry, SealingTurn
from audit.proof.documents import UNREADABLE
from audit.proof.marks import is_ours
from qhse.clock import present
from qhse.queries import Given, WrittenQuery, record_of

_SEAL = [field.attname for field in AuditSeal._meta.concrete_fields]
_noted_seal = WrittenQuery(
    lambda: AuditSeal.objects.filter(number__in=SealingTurn.objects.order_by().values("seal")).values_list(*_SEAL)
)
_not_sealed = WrittenQuery(
    lambda: (
        AuditEntry.objects.order_by()
        .filter(
            ~Exists(
                SealedEntry.objects.filter(
                    entry_id=OuterRef("pk"), seal_id__lte=Given("seal", AuditSeal._meta.get_field("number"))
                )
            ),
            created_at__gte=Given("horizon", AuditSeal._meta.get_field("horizon")),
        )
        .values(all=Value(1))
        .annotate(number=Count("pk"))
        .values_list("number")
    )
)


def entries_total() -> int:
    """
    Return how many entries there are, exactly.

    The last seal says how many are sealed, so that only those are counted which no seal covers yet.
    """
    head = _last_seal()
    if head is None or head.horizon is None or head.horizon > present():
        return AuditEntry.objects.count()
    (waiting,) = _not_sealed.first(seal=head.number, horizon=head.horizon) or (0,)
    return int(head.total + waiting)


def _last_seal() -> AuditSeal | None:
    """Return the seal that the sealers have noted as the last. None if there is none, or if it is not genuine."""
    try:
        row = _noted_seal.first()
        seal: AuditSeal | None = record_of(AuditSeal, _SEAL, row) if row else None
        return seal if seal and is_ours(seal) else None
    except UNREADABLE:
        return None
