"""Which records can be imported. The app that owns them says so, in a module `imports`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from qhse.accounts.rights import is_allowed
from qhse.accounts.roles import EVERYONE, Role, RoleTable
from qhse.errors import DomainError
from qhse.exchange.errors import KindIsUnknown
from qhse.exchange.values import Reader, spelt

Values = dict[str, Any]
"""What a row says, by the names of its columns. An empty cell says nothing: what stands there stays."""


class Outcome(StrEnum):
    """What a row does, or has done."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "same"


Forecast = Outcome | DomainError
"""What a row would do; CHANGED stands for a record that is there already, whether or not it says the same."""


@dataclass(frozen=True, slots=True)
class Column:
    """
    One column of a kind. `spellings` are other names by which people head it, in any language.

    White space within a cell counts as one space, unless it `is_prose`: there it is kept.
    """

    name: str
    label: str
    read: Reader
    spellings: tuple[str, ...] = ()
    is_needed: bool = False
    is_day: bool = False
    is_prose: bool = False
    example: str = ""

    @property
    def names(self) -> set[str]:
        return spelt((self.name, self.label, *self.spellings))


@dataclass(frozen=True, slots=True)
class ImportKind:
    """
    A kind of record that can be imported.

    Who may do the action `write` of its role `table` may import it. `keys` names what each row is about, by whatever
    names the rows call it: a row that shares a key with an earlier one is refused. `foresee` looks at many rows at once
    and writes nothing. `lock_rows` locks what many rows will write to, in the order in which all lock it: the order of
    a file is anybody's. `write_row` calls the service for one row, in the caller's transaction; what that refuses is
    the row's error.
    """

    name: str
    label: str
    table: RoleTable
    write: str
    columns: tuple[Column, ...]
    keys: Callable[[Sequence[Values]], list[Collection[Hashable]]]
    foresee: Callable[[Sequence[Values]], list[Forecast]]
    lock_rows: Callable[[Sequence[Values]], None]
    write_row: Callable[..., Outcome]
    needs_one_of: tuple[str, ...] = ()  # of these columns at least one
    by_name: Mapping[str, Column] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {column.name: column for column in self.columns})

    @property
    def writers(self) -> frozenset[Role]:
        return frozenset(self.table.get(self.write, frozenset()))


WRITING = ("create", "change", "start", "cancel")
READING = ("list", "retrieve")

roles: RoleTable = {**dict.fromkeys(READING, EVERYONE), **dict.fromkeys(WRITING, frozenset())}
"""Everybody reads imports, as the records. Who may write some kind is added; the kind's own table then decides."""

_kinds: dict[str, ImportKind] = {}


def register(kind: ImportKind) -> None:
    """Let this kind be imported. Raises ValueError when two of its columns have a name in common."""
    seen: dict[str, str] = {}
    for column in kind.columns:
        for name in column.names:
            if seen.setdefault(name, column.name) != column.name:
                raise ValueError(f"{kind.name}: {name} is a name of both {seen[name]} and {column.name}")
    _kinds[kind.name] = kind
    for action in WRITING:
        roles[action] |= kind.writers


def all_kinds() -> list[ImportKind]:
    return list(_kinds.values())


def kind_of(name: str) -> ImportKind:
    """Raises KindIsUnknown."""
    if name not in _kinds:
        raise KindIsUnknown(f"Must be one of {', '.join(_kinds)}.", field="kind")
    return _kinds[name]


def may_import(user: Any, kind: ImportKind) -> bool:
    return is_allowed(user, kind.write, kind.table)


def kinds_written_by(user: Any) -> list[ImportKind]:
    return [kind for kind in all_kinds() if may_import(user, kind)]
