"""
People's words for what stands in the trail and in the outbox. Programs go on reading the names on the wire.

Each app has a module `words` beside what it labels. Django imports it at the start, and it calls `register`. A test
finds every action, event type and field that the code writes, and wants words for it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import TextChoices

NOTHING = "–"


class Group(TextChoices):
    """What a kind of record is about, for the filter of the trail."""

    BUSINESS = "business", "Business changes"
    PEOPLE = "people", "Users and logins"
    TECHNICAL = "technical", "Technical"


@dataclass(frozen=True, slots=True)
class Field:
    """A field that entries tell the old and new value of. Its values are `choices`, or ids of `refers_to` records."""

    name: str
    choices: Mapping[str, str] = field(default_factory=dict)
    refers_to: str = ""


@dataclass(frozen=True, slots=True)
class Words:
    """
    The words for one kind of record. `happened` has the actions of the trail and the types of events.

    The entries of a kind that is a `part` stand in the histories of the records that it is on.
    """

    record: str
    name: str
    group: Group
    happened: Mapping[str, str]
    fields: Mapping[str, Field] = field(default_factory=dict)
    part: bool = False


_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00", re.ASCII)  # as `audit.services` stores one

SOURCES = {"api": "API", "admin": "admin site", "command": "command", "worker": "worker"}
# Beside the roles of users, which have labels of their own.
WITHOUT_ACCOUNT = {"system": "System", "anonymous": "Not logged in"}

_by_record: dict[str, Words] = {}


def register(words: Words) -> None:
    _by_record[words.record] = words


def all_words() -> list[Words]:
    return list(_by_record.values())


def records_of(group: str) -> list[str]:
    """Return the kinds of record in a group, as entries name them."""
    return [words.record for words in all_words() if words.group == group]


def what_happened(name: str) -> str:
    """Return the words for an action or an event type. Of an unknown one, its name as a sentence."""
    for words in all_words():
        if name in words.happened:
            return words.happened[name]
    return _plain(name).capitalize()


def actions_called(text: str) -> list[str]:
    """Return the actions whose words have this text in them."""
    wanted = text.casefold()
    return [name for words in all_words() for name, said in words.happened.items() if wanted in said.casefold()]


def kind_of(record: str) -> str:
    """Return the words for a kind of record."""
    return _by_record[record].name if record in _by_record else _plain(record)


def field_of(record: str, name: str) -> Field:
    own = _by_record.get(record)
    told = [own, *(words for words in all_words() if words.part)]
    return next((words.fields[name] for words in told if words and name in words.fields), Field(_plain(name)))


def value_text(of: Field, value: Any) -> str:
    """Return a value as people read it. A choice has its label, and nothing is a dash."""
    if value is None or value == "" or value == [] or value == {}:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return "; ".join(f"{_plain(str(name))}: {value_text(Field(''), inner)}" for name, inner in value.items())
    if isinstance(value, list):
        return ", ".join(value_text(Field("", of.choices), inner) for inner in value)
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        return f"{value[:10]} {value[11:16]} UTC"
    return of.choices.get(str(value), str(value))


def _plain(name: str) -> str:
    return name.replace("_", " ").lower()


register(
    Words(
        record="audit_trail",
        name="audit trail",
        group=Group.TECHNICAL,
        happened={
            "AUDIT_TRAIL_VERIFIED": "Whole audit trail verified",
            "AUDIT_TRAIL_PARTLY_VERIFIED": "Part of the audit trail verified",
            "AUDIT_TRAIL_EXPORTED": "Audit entries exported",
            "AUDIT_EXPORTED": "Entries of the trail have left",
            "AUDIT_TRAIL_RESTORED": "Database restored from a backup",
            "AUDIT_TRAIL_REVIEWED": "Audit trail reviewed",
        },
        fields={
            "findings": Field("findings"),
            "first_seal": Field("first seal"),
            "seals": Field("seals"),
            "unsealed": Field("entries not sealed yet"),
            "accepted": Field("late entries accepted"),
            "filter": Field("what was chosen"),
            "entries": Field("entries"),
            "lost": Field("seals that were lost"),
            "seal_hash": Field("hash of the seal"),
        },
    )
)
register(
    Words(
        record="audit_entry",
        name="audit entry",
        group=Group.TECHNICAL,
        happened={"AUDIT_LATE_ENTRY_ACCEPTED": "Late audit entry accepted"},
        fields={"digest": Field("digest")},
    )
)
register(
    Words(
        record="list",
        name="list",
        group=Group.PEOPLE,
        happened={
            "LIST_EXPORT_BEGUN": "Export of a list begun",
            "LIST_EXPORTED": "List exported",
        },
        fields={
            "filter": Field("what was chosen"),
            "format": Field("format"),
            "rows": Field("rows"),
            "sha256": Field("SHA-256"),
            "complete": Field("complete"),
        },
    )
)
register(
    Words(
        record="audit_verification",
        name="verification of the audit trail",
        group=Group.TECHNICAL,
        happened={"AUDIT_TRAIL_VERIFICATION_STARTED": "Verification of the whole audit trail started"},
        fields={"seals": Field("seals")},
    )
)
