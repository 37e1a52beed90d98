"""What the trail says about exports: who took which rows out, and a digest by which the file can be known again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from audit.services import Actor, record

BEGUN, EXPORTED = "LIST_EXPORT_BEGUN", "LIST_EXPORTED"
LONGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class Exported:
    """
    A list that has left. `rows` were handed to the server; whether the reader got all of them, only the reader knows.

    `about` is the label of the model whose records they are. `sha256` is of the bytes that were handed over.
    """

    name: str
    about: str
    form: str
    filter: Mapping[str, Any]
    rows: int
    sha256: str
    is_complete: bool
    actor: Actor | None


Reaction = Callable[[Exported], None]
_reactions: dict[str, list[Reaction]] = {}


def after_export(about: str, reaction: Reaction) -> None:
    """Call a function in the transaction that records an export of this model's records."""
    _reactions.setdefault(about, []).append(reaction)


def react_to(exported: Exported) -> None:
    """Call who waits for such an export. For exports that have an entry of their own in the trail."""
    for reaction in _reactions.get(exported.about, ()):
        reaction(exported)


@transaction.atomic
def record_begun(*, name: str, form: str, filter: Mapping[str, Any], rows: int, actor: Actor | None) -> None:
    """Say that a long list begins to leave. A process that is killed in between cannot say any more that it had."""
    record(
        actor=actor, action=BEGUN, entity_type="list", entity_id=name[:LONGEST_NAME],
        changes={"filter": (None, _storable(filter)), "format": (None, form), "rows": (None, rows)},
    )  # fmt: skip


@transaction.atomic
def record_export(exported: Exported) -> None:
    """Store the entry of an export together with what follows from it, such as an event."""
    record(
        actor=exported.actor, action=EXPORTED, entity_type="list", entity_id=exported.name[:LONGEST_NAME],
        changes={
            "filter": (None, _storable(exported.filter)), "format": (None, exported.form),
            "rows": (None, exported.rows), "sha256": (None, exported.sha256),
            "complete": (None, exported.is_complete),
        },
    )  # fmt: skip
    react_to(exported)


def _storable(filter: Mapping[str, Any]) -> dict[str, str]:
    return {str(name).replace("\0", ""): str(value).replace("\0", "") for name, value in filter.items()}
