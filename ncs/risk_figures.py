"""What cases and their actions say about the risk of their suppliers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import Q

from ncs.choices import ActionStatus, ClosureCode, NcStatus
from ncs.models import CorrectiveAction, NonConformity
from ncs.workflow import RUNNING
from suppliers.figures import provides_case_figures
from suppliers.risk import CaseFigures, ClosedCase
from suppliers.risk.weights import WINDOW_DAYS

_COUNTS_AGAINST_NOBODY = (ClosureCode.UNFOUNDED, ClosureCode.DUPLICATE)


@provides_case_figures
def case_figures(supplier_ids: Collection[int], today: date) -> dict[int, CaseFigures]:
    """
    Return the figures of these suppliers' cases, by two queries. Those without any are left out.

    A case that was a mistake counts against nobody. One that was recorded twice counts once: as the earlier one.
    """
    since = datetime.combine(today - timedelta(days=WINDOW_DAYS), time.min, UTC)
    found: dict[int, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for supplier_id, name, value in (*_of_cases(supplier_ids, today, since), *_of_actions(supplier_ids, today, since)):
        found[supplier_id][name].append(value)
    return {
        supplier_id: CaseFigures(**{name: tuple(values) for name, values in lists.items()})
        for supplier_id, lists in found.items()
    }


Found = Iterator[tuple[int, str, Any]]


def _of_cases(supplier_ids: Collection[int], today: date, since: datetime) -> Found:
    counted = Q(status=NcStatus.OPEN) | Q(closed_at__gte=since) | Q(repeat_of__isnull=False, created_at__gte=since)
    cases: Any = NonConformity.objects.filter(counted, supplier__in=supplier_ids)
    cases = cases.exclude(closure_code__in=_COUNTS_AGAINST_NOBODY).order_by()
    for supplier_id, pk, severity, due_on, closed_at, repeats, created_at in cases.values_list(
        "supplier_id", "pk", "severity", "due_on", "closed_at", "repeat_of_id", "created_at"
    ):
        if closed_at is None:
            yield supplier_id, "open", pk
            if due_on is not None and due_on < today:
                yield supplier_id, "overdue", pk
        elif closed_at >= since:
            yield supplier_id, "closed", ClosedCase(pk, severity, (today - closed_at.astimezone(UTC).date()).days)
        if repeats is not None and created_at >= since:
            yield supplier_id, "repeats", pk


def _of_actions(supplier_ids: Collection[int], today: date, since: datetime) -> Found:
    late = Q(status__in=sorted(RUNNING), due_on__lt=today, nc__status=NcStatus.OPEN)
    failed = Q(status=ActionStatus.INEFFECTIVE, verified_at__gte=since)
    actions: Any = CorrectiveAction.objects.filter(late | failed, nc__supplier__in=supplier_ids)
    actions = actions.exclude(nc__closure_code__in=_COUNTS_AGAINST_NOBODY).order_by()
    for supplier_id, pk, status in actions.values_list("nc__supplier_id", "pk", "status"):
        yield supplier_id, "ineffective" if status == ActionStatus.INEFFECTIVE else "overdue_actions", pk
