"""The writing half of the trail. It is called inside the transaction of the change."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID

from django.db import transaction

from audit.fields import LARGEST_WRITTEN
from audit.models import AuditEntry, EntryWasSwallowed
from audit.proof.marks import sign
from qhse.database import database_time
from qhse.observability import context
from qhse.queries import WrittenInsert

SYSTEM_NAME = "system"

Changes = Mapping[str, tuple[Any, Any]]
"""Field → (old, new). A created record has None as every old value."""


class Actor(Protocol):
    """Who acts, as far as the trail needs to know. An accounts.User has this shape."""

    pk: Any
    username: str
    role: str


def record(
    *,
    actor: Actor | None,
    action: str,
    entity_type: str,
    entity_id: object,
    changes: Changes,
    reason: str = "",
    request_id: str | None = None,
    with_address: bool = False,
) -> AuditEntry:
    """
    Store one audit entry in the caller's transaction.

    `actor` None means the system itself. Request id and source come from the running request, command or event. A
    handler that works on several events at once gives the `request_id`. `with_address` keeps the address of the request
    too: for what concerns security.

    Raises TransactionManagementError outside `transaction.atomic`. An entry that commits on its own could outlive its
    change, or miss it.
    """
    (entry,) = record_all([entry_for(
        actor=actor, action=action, entity_type=entity_type, entity_id=entity_id,
        changes=changes, reason=reason, request_id=request_id, with_address=with_address,
    )])  # fmt: skip
    return entry


def entry_for(
    *,
    actor: Actor | None,
    action: str,
    entity_type: str,
    entity_id: object,
    changes: Changes,
    reason: str = "",
    request_id: str | None = None,
    with_address: bool = False,
) -> AuditEntry:
    """Return an entry that is not stored yet, for `record_all`."""
    running = context.current()
    return AuditEntry(
        actor_id=None if actor is None else actor.pk,
        actor=SYSTEM_NAME if actor is None else actor.username,
        actor_role=SYSTEM_NAME if actor is None else actor.role,
        action=action,
        entity_type=entity_type,
        entity_id=str(entity_id),
        changes={str(name): [_storable(old), _storable(new)] for name, (old, new) in changes.items()},
        reason=reason,
        source=running.source,
        request_id=running.request_id if request_id is None else request_id,
        client_address=running.client_address if with_address else "",
    )


def record_all(entries: Iterable[AuditEntry]) -> list[AuditEntry]:
    """
    Store entries under the rules of `record`. Two statements, however many they are.

    Raises ValueError for one that is too large to be read again, and EntryWasSwallowed if the database kept none.
    """
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("an audit entry needs the transaction of its change")
    stored = list(entries)
    for entry in stored:
        size = len(json.dumps([entry.changes, entry.reason]))
        if size > LARGEST_WRITTEN:
            raise ValueError(f"an audit entry of {size:,} characters: at most {LARGEST_WRITTEN:,} are kept")
    for entry, (pk, time) in zip(stored, _ids_and_times(len(stored)), strict=True):
        entry.pk, entry.created_at = pk, time
        sign(entry)
    if len(stored) > 1:
        return AuditEntry.objects.bulk_create(stored)
    for entry in stored:
        _new_entry.insert(entry)
    return stored


_new_entry = WrittenInsert(AuditEntry, swallowed=EntryWasSwallowed)


_POSTGRESQL = """
SELECT nextval(pg_get_serial_sequence('audit_auditentry', 'id')), statement_timestamp() FROM generate_series(1, %s)
"""


def _ids_and_times(count: int) -> list[tuple[int, datetime]]:
    """Return so many free ids, and the database's time. The mark covers them."""
    connection = transaction.get_connection()
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_POSTGRESQL, [count])
            found: list[tuple[int, datetime]] = cursor.fetchall()
            return found
        # SQLite has no clock, and one writer at a time. This transaction is it from its beginning (transaction_mode).
        cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = 'audit_auditentry'")
        last = (cursor.fetchone() or (0,))[0]
        now = database_time()
        return [(last + number, now) for number in range(1, count + 1)]


def _storable(value: Any) -> Any:
    """
    Return a value as it will be read back from a JSON column.

    The mark is made before it is stored, and must be true afterwards.
    PostgreSQL writes numbers out, so 1e16 comes back as a whole one. It knows no negative zero.
    Raises ValueError and TypeError for what no JSON document holds.
    """
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, UUID | Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return {str(name): _storable(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(inner) for inner in value]
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value} cannot be kept in the audit trail")
        return int(value) if value.is_integer() else value
    if value is None or isinstance(value, str | int):
        return value
    raise TypeError(f"a {type(value).__name__} cannot be kept in the audit trail")
