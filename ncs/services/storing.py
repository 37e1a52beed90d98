"""What all writes to a case share: its lock, and how a change is stored."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.db.models import F

from audit.services import record
from ncs.choices import NcStatus
from ncs.errors import NonConformityIsClosed, NonConformityNotFound
from ncs.models import NonConformity
from qhse.accounts.models import User
from qhse.errors import demand_version

# Kept beside what was changed, and no facts of their own.
_COUNTS = frozenset({
    "actions_open", "actions_to_verify", "actions_effective", "corrective_effective", "search_key",
})  # fmt: skip


def locked(nc_id: int, expected_versions: Collection[int] | None = None) -> NonConformity:
    """
    Return a case, locked until the transaction ends. Who writes to it or to its actions takes this lock first.

    Raises NonConformityNotFound, RecordHasChanged.
    """
    nc = NonConformity.objects.select_for_update(no_key=True, of=("self",)).filter(pk=nc_id).first()
    if nc is None:
        raise NonConformityNotFound(f"There is no non-conformity {nc_id}.")
    demand_version(nc.version, expected_versions)
    return nc


def locked_open(nc_id: int, expected_versions: Collection[int] | None = None) -> NonConformity:
    """Return an open case as `locked` does. Raises NonConformityIsClosed as well."""
    nc = locked(nc_id, expected_versions)
    if nc.status != NcStatus.OPEN:
        raise NonConformityIsClosed(f"{nc.number} is closed. Reopen it first.")
    return nc


def differing(record_: Any, values: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return field → (old, new) of the values that a record does not have."""
    return {name: (getattr(record_, name), new) for name, new in values.items() if getattr(record_, name) != new}


def store(row: Any, values: Mapping[str, Any]) -> None:
    """Store values of a locked record, and count its version. The copy in hand has them afterwards."""
    type(row)._default_manager.filter(pk=row.pk).update(**values, version=F("version") + 1)
    for name, value in values.items():
        setattr(row, name, value)
    row.version += 1


def store_change(
    nc: NonConformity, values: Mapping[str, Any], *, actor: User, action: str, reason: str = "", told: Any = None
) -> bool:
    """
    Store what differs in a locked case, with its audit entry. False if nothing does: nothing is stored then.

    `told` is what the entry tells beside the old and new values, in the same form.
    """
    changes = differing(nc, values)
    if not changes:
        return False
    store(nc, {name: new for name, (_, new) in changes.items()})
    shown = {name: pair for name, pair in changes.items() if name not in _COUNTS}
    record(
        actor=actor,
        action=action,
        entity_type="nonconformity",
        entity_id=nc.pk,
        changes=shown | (told or {}),
        reason=reason,
    )
    return True


def iso(day: Any) -> str | None:
    return None if day is None else str(day.isoformat())
