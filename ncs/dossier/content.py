"""What a dossier says to people: the record, its history in words, its files; or what happened in a period."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q, QuerySet

from audit.history import ROLES, RecordNames, records_in
from audit.models import AuditEntry
from audit.words import Field, all_words, field_of, kind_of, value_text, what_happened
from ncs.dossier.scopes import Scope
from ncs.models import CorrectiveAction, NonConformity
from ncs.report.content import report_of
from ncs.report.proof import proof_of, utc
from ncs.report.shape import File, Line, Report, Section, Table
from ncs.sampling import period
from qhse.accounts.models import User
from qhse.clock import present
from suppliers.models import Supplier

MOST_ROWS = 300  # of a history; what is behind them stands in the export
MOST_LISTED = 200  # cases
MOST_FILES = 200
LONGEST = 400  # characters of what changed in one entry
HOW_TO_CHECK = (
    "The ZIP of this dossier has these entries with their proofs, the files, and a program that checks them on any "
    "computer with Python 3.11, without a network: python3 proof/verify_export.py. The audit trail has recorded the "
    "SHA-256 of each dossier that was given away, and who took it."
)


def content_of(scope: Scope, *, actor: User) -> Report:
    """Return the readable form of a dossier, as it is now. Nothing is written, and no file is opened."""
    now = present()
    made = Line("Made", f"by {actor.username}, {utc(now)}")
    total = scope.entries.count()
    entries = list(scope.entries.order_by("-pk" if scope.kind else "pk")[:MOST_ROWS])
    entries.sort(key=lambda entry: entry.pk)
    history = _history(entries, total, newest=bool(scope.kind))
    if scope.kind == "nonconformity":
        case = report_of(scope.record.pk)
        return replace(
            case, title=scope.title, facts=(*case.facts, made), sections=(*case.sections, history),
            how_to_check=HOW_TO_CHECK,
        )  # fmt: skip
    sections = [_record(scope), *_related(scope)] if scope.kind else list(_of_period(scope))
    newest = scope.entries.order_by("-pk").first()
    return Report(
        number=scope.name,
        title=scope.title,
        state_at=now.isoformat(),
        facts=(made, Line("Entries of the audit trail", f"{total:,}"), Line("Files", f"{scope.files.count():,}")),
        sections=(*sections, history),
        signatures=Table("Signed by name and time", ("Step", "Name", "Time (UTC)"), ()),
        files=tuple(files_of(scope)),
        proof=proof_of(newest).lines,
        how_to_check=HOW_TO_CHECK,
    )


# --- A record -------------------------------------------------------------------------------------------------------


def _record(scope: Scope) -> Section:
    return Section("Record", tuple(_facts(scope.kind, scope.record)))


def _facts(kind: str, record: Any) -> Iterator[Line]:
    """Yield what the trail has words for, as it is now. What is empty is left out."""
    known = next((words.fields for words in all_words() if words.record == kind), {})
    values = [
        (known[each.attname], _stored(getattr(record, each.attname)))
        for each in record._meta.concrete_fields
        if each.attname in known
    ]
    names = RecordNames().look_up((of.refers_to, str(value)) for of, value in values if of.refers_to and value)
    for of, value in values:
        if value not in (None, "", [], {}):
            yield Line(of.name.capitalize(), _shown(of, value, names))


def _related(scope: Scope) -> Iterator[Section]:
    record = scope.record
    if isinstance(record, CorrectiveAction):
        yield Section("Non-conformity", (Line("Number", record.nc.number), Line("About", record.nc.description)))
    if isinstance(record, Supplier):
        for certificate in record.certificates.order_by("id"):
            yield Section(f"Certificate {certificate}", tuple(_facts_of_certificate(certificate)))
        cases = NonConformity.objects.filter(supplier=record).order_by("-id")
        yield _cases("Non-conformities, newest first", cases)


def _facts_of_certificate(certificate: Any) -> Iterator[Line]:
    yield Line("Issuer", certificate.issuer)
    yield Line("Valid", f"{certificate.valid_from} to {certificate.valid_to}")
    yield Line("Status", certificate.get_status_display())


# --- A period -------------------------------------------------------------------------------------------------------


def _of_period(scope: Scope) -> Iterator[Section]:
    assert scope.days is not None
    since, until = period(*scope.days)
    happened = scope.entries.order_by().values_list("entity_type", "action").annotate(times=Count("pk"))
    rows = sorted((kind_of(kind), what_happened(action), times) for kind, action, times in happened)
    table = Table("Entries of the trail", ("Record", "What", "Times"), tuple((a, b, f"{n:,}") for a, b, n in rows))
    yield Section("What happened", tables=(table,) if rows else (), lines=() if rows else (Line("Entries", "None"),))
    within = Q(created_at__gte=since, created_at__lt=until)
    yield _cases("Non-conformities recorded", NonConformity.objects.filter(within).order_by("id"))
    closed = NonConformity.objects.filter(closed_at__gte=since, closed_at__lt=until)
    yield _cases("Non-conformities closed, and not reopened since", closed.order_by("id"))


def _cases(heading: str, cases: QuerySet[NonConformity]) -> Section:
    total = cases.count()
    rows = tuple(
        (nc.number, nc.supplier.name, nc.get_severity_display(), nc.get_status_display(), nc.description[:160])
        for nc in cases.select_related("supplier")[:MOST_LISTED]
    )
    lines = [Line("Number", f"{total:,}")]
    if total > len(rows):
        lines.append(Line("Listed", f"the first {len(rows):,}"))
    table = Table(heading, ("Number", "Supplier", "Severity", "State", "Description"), rows)
    return Section(heading, tuple(lines), (table,) if rows else ())


# --- Files and history ----------------------------------------------------------------------------------------------


def files_of(scope: Scope) -> Iterator[File]:
    for each in scope.files[:MOST_FILES]:
        told = f"{each.description} · " if each.description else ""
        yield File(
            name=each.name, media_type=each.media_type, about=f"{kind_of(each.entity_type)} {each.entity_id}",
            size=each.size, sha256=each.sha256, stored_as=each.stored_as,
            attached=f"{told}{each.uploaded_by.username}, {utc(each.uploaded_at)}",
        )  # fmt: skip


def _history(entries: list[AuditEntry], total: int, *, newest: bool) -> Section:
    names = RecordNames().look_up(records_in(entries))
    rows = tuple(_row(entry, names) for entry in entries)
    lines = []
    if total > len(entries):
        which = "newest" if newest else "first"
        lines = [Line("Shown", f"the {which} {len(entries):,} of {total:,} entries; the ZIP has all that are sealed")]
    table = Table("Entries of the audit trail", ("When (UTC)", "Who", "What", "Old → new", "Reason"), rows)
    return Section("History", tuple(lines), (table,) if rows else ())


def _row(entry: AuditEntry, names: RecordNames) -> tuple[str, ...]:
    when = f"{entry.created_at:%Y-%m-%d %H:%M:%S}" if entry.created_at else "cannot be read"
    what = f"{what_happened(entry.action)}\n{names.text(entry.entity_type, entry.entity_id, excerpt=40)}"
    who = f"{entry.actor}\n{ROLES.get(entry.actor_role, entry.actor_role)}"
    return when, who, what, _cut("\n".join(_changes(entry, names))), _cut(entry.shown_reason)


def _changes(entry: AuditEntry, names: RecordNames) -> Iterable[str]:
    for name, (old, new) in entry.shown_changes.items():
        of = field_of(entry.entity_type, name)
        yield f"{of.name}: {_shown(of, old, names)} → {_shown(of, new, names)}"


def _shown(of: Field, value: Any, names: RecordNames) -> str:
    return names.text(of.refers_to, str(value)) if of.refers_to and value is not None else value_text(of, value)


def _stored(value: Any) -> Any:
    """Return a value as entries have it, which is what words are made of."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def _cut(text: str) -> str:
    return f"{text[:LONGEST]}…" if len(text) > LONGEST else text or "–"
