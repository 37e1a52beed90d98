"""The history of one record, as a panel on its admin page, and the names of records wherever the trail is shown."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any, NamedTuple

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator, capfirst

from audit.models import AuditEntry
from audit.models.trail import AuditEntryQuerySet
from audit.permissions import AUDIT_ROLES
from audit.words import SOURCES, WITHOUT_ACCOUNT, field_of, kind_of, value_text, what_happened
from qhse.accounts.rights import is_allowed
from qhse.accounts.roles import Role
from qhse.adminsite.base import ServiceModelAdmin
from qhse.adminsite.display import NONE, link
from qhse.adminsite.meanwhile import Change, names_in_form

SHOWN = 50
EXCERPT = 200  # characters of a value, where many entries stand below each other
_LINE = '<div class="change"><b>{}</b> {} → {}</div>'
LINES = 5  # of an entry, where many entries stand below each other: the others are folded away
LONGEST_ID = 13  # of a record without a name: enough for numbers; exports have a digest
LONGEST_KEY = 18  # digits that a key of the database can have

ROLES = dict(Role.choices) | WITHOUT_ACCOUNT


class Line(NamedTuple):
    """One entry as people read it."""

    entry: AuditEntry
    what: str
    who: SafeString | str
    changes: SafeString | str
    source: str


class HistoryPanel(ServiceModelAdmin):
    """Shows the newest audit entries of a record below its form. It also names its records for the trail."""

    entity_type: str = ""

    def entity_id(self, record: Model) -> str:
        return str(record.pk)

    def names_of(self, entity_ids: Collection[str]) -> dict[str, str]:
        """Return the names of these records, of those that there are."""
        keys = [int(each) for each in entity_ids if _is_key(each)]
        return {self.entity_id(each): self.name_of(each) for each in self.model._default_manager.in_bulk(keys).values()}

    def name_of(self, record: Any) -> str:
        return str(record)

    def told_as(self, record: Any) -> str:
        return self.name_of(record)

    def ids_called(self, term: str) -> Iterable[str]:
        """Return the ids of the records that people mean by this term, for the search of the trail. They are few."""
        return ()

    def record_panels(self, request: HttpRequest, record: Model) -> list[dict[str, Any]]:
        return [*super().record_panels(request, record), *self._history(request, record)]

    def entries_of(self, record: Any) -> AuditEntryQuerySet:
        """Return the entries about a record, newest first."""
        return AuditEntry.objects.about(self.entity_type, self.entity_id(record))

    def newest_seen(self, record: Model) -> int:
        return newest_of(self.entries_of(record))

    def changes_since(self, record: Model, seen: int, fields: Collection[str] = ()) -> list[Change]:
        return changes_in(self.entries_of(record).filter(pk__gt=seen), fields)

    def _history(self, request: HttpRequest, record: Model) -> list[dict[str, Any]]:
        if not is_allowed(request.user, "record_history", AUDIT_ROLES):
            return []
        entity_id = self.entity_id(record)
        entries = list(self.entries_of(record)[: SHOWN + 1])
        panel = {
            "template": "audit/history_panel.html",
            "lines": lines_of(entries[:SHOWN], RecordNames(request)),
            "older": len(entries) > SHOWN,
        }
        if is_allowed(request.user, "list", AUDIT_ROLES):
            panel["trail_url"] = trail = reverse("admin:audit_auditentry_changelist")
            if panel["older"]:
                panel["older_url"] = f"{trail}?entity_type={self.entity_type}&entity_id={entity_id}"
        return [panel]


def newest_of(entries: AuditEntryQuerySet) -> int:
    newest = entries.first()
    return 0 if newest is None else newest.pk


def changes_in(entries: AuditEntryQuerySet, fields: Collection[str] = ()) -> list[Change]:
    """Return what the newest entries have changed, and for each of these `fields` the newest that has it."""
    shown = list(entries[:SHOWN])
    if len(shown) == SHOWN:
        known = {name for entry in shown for named in entry.shown_changes for name in names_in_form(named)}
        older = entries.filter(pk__lt=shown[-1].pk)
        for name in set(fields) - known:
            shown += older.filter(changes__has_any_keys=[name, f"{name}_id"])[:1]
    names = RecordNames().look_up(records_in(shown))
    return [change for entry in dict.fromkeys(shown) for change in _changes_of(entry, names)]


def _changes_of(entry: AuditEntry, names: RecordNames) -> Iterator[Change]:
    def told(of: Any, value: Any) -> str:
        return names.text(of.refers_to, str(value)) if of.refers_to and value is not None else value_text(of, value)

    by, at = entry.actor, entry.created_at
    if not entry.shown_changes:
        yield Change("", what_happened(entry.action), NONE, NONE, by, at)
    for name, (old, new) in entry.shown_changes.items():
        of = field_of(entry.entity_type, name)
        yield Change(name, capfirst(of.name), told(of, old), told(of, new), by, at)


def history_pages() -> list[HistoryPanel]:
    """Return the admin pages of all kinds of record that have a history."""
    return [page for page in admin.site._registry.values() if isinstance(page, HistoryPanel)]


class RecordNames:
    """
    Names records as people know them, and links them where the user may open them. It asks once for each kind.

    Without a request it only names.
    """

    def __init__(self, request: HttpRequest | None = None) -> None:
        self._request = request
        self._pages = {page.entity_type: page for page in history_pages()}
        self._names: dict[tuple[str, str], str] = {}

    def look_up(self, records: Iterable[tuple[str, str]]) -> RecordNames:
        """Read the names of these records, before each is asked for."""
        wanted: dict[str, set[str]] = {}
        for kind, entity_id in records:
            wanted.setdefault(kind, set()).add(entity_id)
        for kind, ids in wanted.items():
            if kind in self._pages:
                found = self._pages[kind].names_of(ids)
                self._names |= {(kind, entity_id): name for entity_id, name in found.items()}
        return self

    def text(self, kind: str, entity_id: str, *, excerpt: int | None = None) -> str:
        """Return the name of a record. Of one without a name, its kind and id."""
        name = self._names.get((kind, entity_id))
        return name or f"{kind_of(kind)} {Truncator(entity_id).chars(excerpt) if excerpt else entity_id}"

    def link(self, kind: str, entity_id: str, *, excerpt: int | None = None) -> SafeString | str:
        name, page = self.text(kind, entity_id, excerpt=excerpt), self._pages.get(kind)
        if page is None or self._request is None or not page.allows(self._request, "retrieve"):
            return name
        return link(page.record_url(entity_id), name)


def names_for(request: HttpRequest) -> RecordNames:
    """Return the names of records on this page. One look-up serves all its columns."""
    names = getattr(request, "record_names", None)
    if names is None:
        names = request.record_names = RecordNames(request)  # type: ignore[attr-defined]
    return names


def lines_of(entries: Collection[AuditEntry], names: RecordNames) -> list[Line]:
    names.look_up(records_in(entries))
    return [
        Line(
            entry=entry,
            what=what_happened(entry.action),
            who=who_as_html(entry),
            changes=changes_as_html(entry, names, excerpt=EXCERPT),
            source=SOURCES.get(entry.source, entry.source),
        )
        for entry in entries
    ]


def who_as_html(entry: AuditEntry) -> SafeString | str:
    """Return who acted, with the role at that time."""
    role = ROLES.get(entry.actor_role, entry.actor_role)
    if entry.actor == entry.actor_role and entry.actor in WITHOUT_ACCOUNT:
        return role
    return format_html('{} <span class="quiet">{}</span>', entry.actor, role)


def changes_as_html(entry: AuditEntry, names: RecordNames, *, excerpt: int | None = None) -> SafeString | str:
    """
    Return lines of `field: old → new`, in words. Every part is escaped.

    With an `excerpt` each value is cut to it, and what follows the first lines is folded away.
    """

    def shown(of: Any, value: Any) -> SafeString | str:
        if of.refers_to and value is not None:
            return names.link(of.refers_to, str(value))
        text = value_text(of, value)
        return Truncator(text).chars(excerpt) if excerpt else text

    fields = ((field_of(entry.entity_type, name), pair) for name, pair in entry.shown_changes.items())
    lines = [(of.name, shown(of, old), shown(of, new)) for of, (old, new) in fields]
    # One line more is shown: what opens the others would take its place.
    first = len(lines) if excerpt is None or len(lines) <= LINES + 1 else LINES
    shown_lines, folded = (format_html_join("", _LINE, part) for part in (lines[:first], lines[first:]))
    if not folded:
        return shown_lines or NONE
    return format_html(
        '{}<details class="more-changes"><summary>{} more</summary>{}</details>',
        shown_lines,
        len(lines) - first,
        folded,
    )


def records_in(entries: Iterable[AuditEntry]) -> Iterable[tuple[str, str]]:
    """Yield what these entries are about and what their values refer to: (kind of record, id)."""
    for entry in entries:
        yield entry.entity_type, entry.entity_id
        for name, values in entry.shown_changes.items():
            kind = field_of(entry.entity_type, name).refers_to
            for value in values if kind else ():
                if value is not None:
                    yield kind, str(value)


def _is_key(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= LONGEST_KEY
