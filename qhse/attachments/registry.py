"""Which records take files. The app that owns them says so, in a module `attachments`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from qhse.accounts.rights import is_allowed
from qhse.accounts.roles import RoleTable
from qhse.attachments.errors import EntityTypeIsUnknown

Lock = Callable[[str], object]
"""
Locks the record of this id until the transaction ends, for who writes to its files.

Raises RecordNotFound if there is none, and another DomainError while it takes no files. An id has one spelling: another
one names no record.
"""


@dataclass(frozen=True, slots=True)
class RecordKind:
    """
    A kind of record with files, by the `entity_type` of its audit entries.

    Who may do the action `read` of its role `table` may read the files. Who may do `write` may attach and void.
    `needs_a_file` answers for the id of a locked record whether its last file cannot be declared void.
    """

    entity_type: str
    table: RoleTable
    read: str
    write: str
    lock: Lock
    needs_a_file: Callable[[str], bool] = lambda entity_id: False

    def action_for(self, action: str) -> str:
        """Return the action of the record's table that decides about one with its files."""
        return self.read if action in READING else self.write

    def allows(self, user: Any, action: str) -> bool:
        """Answer whether the record's table lets this person do it with one of its files."""
        return is_allowed(user, self.action_for(action), self.table)


READING = ("list", "retrieve", "content", "preview")
WRITING = ("create", "void")

roles: RoleTable = {action: frozenset() for action in (*READING, *WRITING)}
"""The roles that may do it with the files of some kind of record. Its own table then decides."""

_kinds: dict[str, RecordKind] = {}


def register(kind: RecordKind) -> None:
    _kinds[kind.entity_type] = kind
    for action in roles:
        roles[action] |= kind.table.get(kind.action_for(action), frozenset())


def known_types() -> list[str]:
    return sorted(_kinds)


def kind_of(entity_type: str) -> RecordKind:
    """Raises EntityTypeIsUnknown."""
    if entity_type not in _kinds:
        known = ", ".join(known_types())
        raise EntityTypeIsUnknown(f"Only these records take files: {known}.", field="entity_type")
    return _kinds[entity_type]
