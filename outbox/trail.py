"""What the outbox tells about the audit trail, which itself knows no outbox: that entries have left it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from outbox.events import DomainEvent, Key, register
from outbox.publisher import publish
from qhse.exporting.recording import Exported, after_export


@register
@dataclass(frozen=True, kw_only=True)
class AuditExported(DomainEvent):
    """Entries of the audit trail have been exported. It is published in the transaction of the entry that says so."""

    event_type: ClassVar[str] = "AUDIT_EXPORTED"
    aggregate_type: ClassVar[str] = "audit_trail"
    aggregate_id_field: ClassVar[str] = "sha256"

    by: Annotated[str, Key("who exported them; `system` for a command", example="auditor")]
    filter: Annotated[
        dict[str, Any], Key("what was chosen, by the names of the list's filters", example={"action": "NC_CLOSED"})
    ]
    rows: Annotated[int, Key("how many entries", example=412)]
    sha256: Annotated[
        str,
        Key(
            "the digest of the file, or of its manifest where it has proofs",
            example="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        ),
    ]


def publish_export(exported: Exported) -> None:
    publish(
        AuditExported(
            by="system" if exported.actor is None else exported.actor.username,
            filter={str(name): _plain(value) for name, value in exported.filter.items()},
            rows=exported.rows,
            sha256=exported.sha256,
        ),
        actor=exported.actor,
    )


def _plain(value: Any) -> Any:
    """Return a value as JSON and PostgreSQL hold one."""
    return value if isinstance(value, list) else str(value).replace("\0", "")


after_export("audit.auditentry", publish_export)
