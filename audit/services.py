"""The writing half of the audit trail: one function, called inside the transaction of the change it describes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID

from django.db import transaction

from audit.models import AuditEntry
from audit.proofs import sign
from qhse.observability import context

SYSTEM_NAME = "system"

Changes = Mapping[str, tuple[Any, Any]]
"""Field → (old, new). A created record has None as every old value."""


class Actor(Protocol):
    """Who acts, as far as the trail needs to know: an accounts.User has this shape."""

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

    `actor` None means the system itself. Request id and source come from the running request, command or event;
    `request_id` overrides the first, for a handler that works on several events at once. `with_address` also keeps
    the address that the request came from: for what concerns security.

    Raises TransactionManagementError outside `transaction.atomic`: an entry that commits on its own could
    outlive, or miss, the change it describes.
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
    entry = AuditEntry(
        actor_id=None if actor is None else actor.pk,
        actor=SYSTEM_NAME if actor is None else actor.username,
        actor_role=SYSTEM_NAME if actor is None else actor.role,
        action=action,
        entity_type=entity_type,
        entity_id=str(entity_id),
        changes={name: [_storable(old), _storable(new)] for name, (old, new) in changes.items()},
        reason=reason,
        source=running.source,
        request_id=running.request_id if request_id is None else request_id,
        client_address=running.client_address if with_address else "",
    )
    sign(entry)
    return entry


def record_all(entries: Iterable[AuditEntry]) -> list[AuditEntry]:
    """Store entries in one statement, under the rules of `record`."""
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("an audit entry needs the transaction of its change")
    return AuditEntry.objects.bulk_create(entries)


def _storable(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, UUID | Decimal):
        return str(value)
    return value
