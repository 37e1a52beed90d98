"""What the 8D report of a case says, gathered from the case, its actions, its files and the audit trail."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from audit.models import AuditEntry
from ncs.choices import ActionKind, NcStatus
from ncs.errors import NonConformityNotFound
from ncs.models import CorrectiveAction, NonConformity
from ncs.report.proof import HOW_TO_CHECK, newest_entry, proof_of, utc
from ncs.report.shape import File, Line, Report, Section, Table
from qhse.accounts.models import User
from qhse.attachments.models import Attachment

NOT_SAID = "Not stated"
TRIES = 3
_PEOPLE = ("owner", "reported_by", "contained_by", "analysed_by", "disposed_by", "concession_by", "closed_by")
_DONE_BY = ("owner", "created_by", "done_by", "verified_by")
Actions = Sequence[CorrectiveAction]
Signature = tuple[str, str, str]


def report_of(nc_id: int) -> Report:
    """
    Return what the report of a case says now. Nothing is written, and no file is opened.

    It is gathered anew when somebody changed the case meanwhile, so that it tells of one moment. Raises
    NonConformityNotFound.
    """
    for _ in range(TRIES):
        report, version = _gathered(nc_id)
        if NonConformity.objects.filter(pk=nc_id, version=version).exists():
            break
    return report


def _gathered(nc_id: int) -> tuple[Report, int]:
    nc = NonConformity.objects.select_related("supplier", "repeat_of", *_PEOPLE).filter(pk=nc_id).first()
    if nc is None:
        raise NonConformityNotFound(f"There is no non-conformity {nc_id}.")
    actions = list(nc.actions.select_related(*_DONE_BY).order_by("id"))
    proof = proof_of(newest_entry(nc.pk, [each.pk for each in actions]))
    concession = _concession(nc)
    signatures = _signatures(nc, actions, concession)
    report = Report(
        number=nc.number,
        title=f"8D report {nc.number}",
        state_at=(proof.at or nc.created_at).isoformat(),
        facts=_facts(nc, proof.at or nc.created_at),
        sections=(
            _d1(nc, actions), _d2(nc), _d3(nc, actions, concession), _d4(nc), _d5(actions), _d6(actions), _d7(actions),
            _d8(nc),
        ),
        signatures=Table("Signed by name and time", ("Step", "Name", "Time (UTC)"), tuple(signatures)),
        files=tuple(_files(nc, actions)),
        proof=proof.lines,
        how_to_check=HOW_TO_CHECK,
    )  # fmt: skip
    return report, nc.version


# --- The steps ------------------------------------------------------------------------------------------------------


def _facts(nc: NonConformity, state_at: datetime) -> tuple[Line, ...]:
    status = nc.get_status_display()
    return (
        Line("Supplier", nc.supplier.name),
        Line("Severity", nc.get_severity_display()),
        Line("Status", status if nc.phase is None else f"{status}, {nc.phase.label.lower()}"),
        Line("Due on", str(nc.due_on or NOT_SAID)),
        Line("State of", f"{utc(state_at)}, version {nc.version}"),
    )


def _d1(nc: NonConformity, actions: Actions) -> Section:
    people = [getattr(nc, each) for each in _PEOPLE]
    people += [getattr(action, each) for action in actions for each in _DONE_BY]
    team = [user.username for user in people if user is not None and user.pk != nc.owner_id]
    at_supplier = list(dict.fromkeys(action.contact for action in actions if action.contact))
    lines = [Line("Owner", _name(nc.owner)), Line("Team", ", ".join(dict.fromkeys(team)) or NOT_SAID)]
    return Section(
        "D1 Owner and team", (*lines, *([Line("At the supplier", ", ".join(at_supplier))] if at_supplier else []))
    )


def _d2(nc: NonConformity) -> Section:
    found = (str(nc.detected_on or ""), nc.get_detected_at_display())
    said = (
        ("Description", nc.description),
        ("Part number", nc.part_no),
        ("Lot number", nc.lot_no),
        ("Order number", nc.po_ref),
        ("Pieces received", _number(nc.qty_received)),
        ("Pieces defective", _number(nc.qty_defective)),
        ("Found", ", ".join(filter(None, found))),
        ("Category", nc.get_category_display()),
        ("Management system", nc.get_system_display()),
        ("Repeats", nc.repeat_of.number if nc.repeat_of else ""),
        ("Customer informed on", str(nc.customer_informed_on or "")),
        ("Cost", "" if nc.cost is None else f"{nc.cost:,}"),
        ("Recorded", _by(nc.reported_by, nc.created_at)),
    )
    return Section("D2 Problem", tuple(Line(label, text) for label, text in said if text))


def _d3(nc: NonConformity, actions: Actions, concession: AuditEntry | None) -> Section:
    lines = [Line("Containment", nc.containment or NOT_SAID)]
    lines += [Line("Contained", _by(nc.contained_by, nc.contained_at))] if nc.contained_at else []
    pieces = f", {nc.disposition_qty:,} pieces" if nc.disposition_qty is not None else ""
    lines.append(Line("Disposition", f"{nc.get_disposition_display()}{pieces}" if nc.disposition else NOT_SAID))
    if nc.disposition:
        lines.append(Line("Reason", nc.disposition_reason or NOT_SAID))
        lines.append(Line("Decided", _by(nc.disposed_by, nc.disposed_at)))
    if nc.concession_by is not None:
        at = concession.created_at if concession else None
        lines.append(Line("Concession", _by(nc.concession_by, at)))
        lines += [Line("Reason of the concession", concession.shown_reason)] if concession else []
    kinds = (ActionKind.CONTAINMENT, ActionKind.CORRECTION)
    tables = _done_table("Containment and correction", actions, kinds)
    return Section("D3 Containment and disposition", tuple(lines), tables)


def _d4(nc: NonConformity) -> Section:
    if not nc.root_cause:
        return Section("D4 Root cause", (Line("Root cause", NOT_SAID),))
    return Section(
        "D4 Root cause",
        (
            Line("Class of the cause", nc.get_cause_code_display() or NOT_SAID),
            Line("Root cause", nc.root_cause),
            Line("Analysed", _by(nc.analysed_by, nc.analysed_at)),
        ),
    )


def _d5(actions: Actions) -> Section:
    rows = tuple(
        (f"{number}. {each.title}", _whose(each), str(each.due_on), _by(each.created_by, each.created_at))
        for number, each in enumerate(actions, 1)
        if each.kind == ActionKind.CORRECTIVE
    )
    table = Table("Corrective actions", ("Action", "Whose", "Due on", "Agreed on"), rows)
    return Section("D5 Corrective actions chosen", () if rows else (Line("Actions", "None"),), (table,) if rows else ())


def _d6(actions: Actions) -> Section:
    tables = _done_table("Implemented and verified", actions, (ActionKind.CORRECTIVE,))
    lines = () if tables else (Line("Actions", "None"),)
    return Section("D6 Corrective actions implemented, and their effectiveness", lines, tables)


def _d7(actions: Actions) -> Section:
    tables = _done_table("Preventive actions", actions, (ActionKind.PREVENTIVE,))
    return Section("D7 Preventive actions", () if tables else (Line("Actions", "None"),), tables)


def _d8(nc: NonConformity) -> Section:
    again = [Line("Times reopened", str(nc.reopened_count))] if nc.reopened_count else []
    missing = ", ".join(gap.label for gap in nc.missing)
    if nc.status != NcStatus.CLOSED:
        missed = [Line("Missing for closing", missing)] if missing else []
        return Section("D8 Closure", (Line("Closed", "Not closed yet"), *missed, *again))
    lacked = [Line("Closed without", missing)] if missing else []
    lines = (
        Line("Closed", _by(nc.closed_by, nc.closed_at)),
        Line("As", nc.get_closure_code_display() or NOT_SAID),
        Line("Reason", nc.closure_reason or NOT_SAID),
    )
    return Section("D8 Closure", (*lines, *lacked, *again))


def _done_table(title: str, actions: Actions, kinds: Sequence[str]) -> tuple[Table, ...]:
    """Return the actions of these kinds with what became of them, or nothing if there are none."""
    rows = tuple(
        (f"{number}. {each.title}", each.get_status_display(), _told(each.done_by, each.done_at, each.done_note),
         _told(each.verified_by, each.verified_at, each.verification_note))
        for number, each in enumerate(actions, 1)
        if each.kind in kinds
    )  # fmt: skip
    return (Table(title, ("Action", "State", "Done", "Verified"), rows),) if rows else ()


# --- People, files, the trail ---------------------------------------------------------------------------------------


def _signatures(nc: NonConformity, actions: Actions, concession: AuditEntry | None) -> Iterable[Signature]:
    """Yield who has signed what: by doing it under their own account."""
    conceded_at = concession.created_at if concession else None
    for step, user, at in (
        ("Recorded", nc.reported_by, nc.created_at),
        ("Contained", nc.contained_by, nc.contained_at),
        ("Disposition decided", nc.disposed_by, nc.disposed_at),
        ("Concession given", nc.concession_by, conceded_at),
        ("Root cause analysed", nc.analysed_by, nc.analysed_at),
    ):
        yield from _signature(step, user, at)
    for number, each in enumerate(actions, 1):
        yield from _signature(f"Action {number} completed", each.done_by, each.done_at)
        yield from _signature(f"Action {number} verified", each.verified_by, each.verified_at)
    yield from _signature("Closed", nc.closed_by, nc.closed_at)


def _signature(step: str, user: User | None, at: datetime | None) -> Iterable[Signature]:
    if user is not None:
        yield step, user.username, NOT_SAID if at is None else f"{at:%Y-%m-%d %H:%M}"


def _concession(nc: NonConformity) -> AuditEntry | None:
    """Return the entry of the concession that holds, which knows its time and reason."""
    if nc.concession_by_id is None:
        return None
    given = AuditEntry.objects.about("nonconformity", nc.pk).filter(action="NC_CONCESSION_GIVEN")
    return given.filter(actor_id=nc.concession_by_id).first()


def _files(nc: NonConformity, actions: Actions) -> Iterable[File]:
    """Yield the files of the case and then those of its actions, each in the order of their coming. Not void ones."""
    valid = Attachment.objects.filter(voided_at__isnull=True).select_related("uploaded_by").order_by("id")
    numbers = {str(each.pk): number for number, each in enumerate(actions, 1)}
    of_case = [(each, "the case") for each in valid.filter(entity_type="nonconformity", entity_id=str(nc.pk))]
    of_actions = valid.filter(entity_type="action", entity_id__in=list(numbers)) if numbers else ()
    for each, about in (*of_case, *((each, f"action {numbers[each.entity_id]}") for each in of_actions)):
        told = f"{each.description} · " if each.description else ""
        yield File(
            name=each.name, media_type=each.media_type, about=about, size=each.size, sha256=each.sha256,
            stored_as=each.stored_as, attached=f"{told}{_by(each.uploaded_by, each.uploaded_at)}",
        )  # fmt: skip


def _name(user: User | None) -> str:
    return NOT_SAID if user is None else user.username


def _whose(action: CorrectiveAction) -> str:
    return action.owner.username if action.owner is not None else f"{action.contact} (supplier)"


def _by(user: User | None, at: datetime | None) -> str:
    return f"{_name(user)}, {utc(at)}" if at is not None else _name(user)


def _told(user: User | None, at: datetime | None, note: str) -> str:
    if user is None:
        return "–"
    return f"{note}\n{_by(user, at)}" if note else _by(user, at)


def _number(value: Any) -> str:
    return "" if value is None else f"{value:,}"
