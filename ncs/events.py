"""What happens to non-conformities and to the actions on them. All of one case are of one aggregate, in one order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from outbox.events import DomainEvent, Key, register


@dataclass(frozen=True, kw_only=True)
class CaseEvent(DomainEvent):
    aggregate_type: ClassVar[str] = "nonconformity"
    aggregate_id_field: ClassVar[str] = "nc_id"

    nc_id: Annotated[int, Key("the non-conformity", example=41)]
    supplier_id: Annotated[int, Key("the supplier that it is recorded against", example=17)]


@dataclass(frozen=True, kw_only=True)
class NonConformityEvent(CaseEvent):
    severity: Annotated[str, Key("`low`, `medium` or `high`", example="high")]


@register
@dataclass(frozen=True, kw_only=True)
class NonConformityOpened(NonConformityEvent):
    """A non-conformity has been recorded against a supplier."""

    event_type: ClassVar[str] = "NC_CREATED"

    number: Annotated[str, Key("what people quote", example="NC-2026-00041")] = ""
    system: Annotated[str, Key("`quality`, `environment` or `safety`", example="quality")] = ""
    category: Annotated[str, Key("a code, empty if nobody said one", example="dimension")] = ""
    part_no: Annotated[str, Key("the part, empty if nobody said one", example="4711-B")] = ""
    due_on: Annotated[str | None, Key("when it is to be closed, by ISO 8601", example="2026-12-24")] = None
    repeat_of: Annotated[int | None, Key("the newest case that it repeats", example=None)] = None


@register
@dataclass(frozen=True, kw_only=True)
class NonConformityRepeated(NonConformityEvent):
    """A new non-conformity repeats earlier ones of its supplier. It follows NC_CREATED."""

    event_type: ClassVar[str] = "NC_REPEAT_DETECTED"

    matches: Annotated[list[int], Key("the earlier ones, newest first, ten at most", example=[38, 12])]
    rule: Annotated[str, Key("what they have in common: `part`, `category` or both", example="part, category")]
    window_days: Annotated[int, Key("how far back was looked", example=365)]


@register
@dataclass(frozen=True, kw_only=True)
class NonConformityCorrected(NonConformityEvent):
    """What was recorded of an open one has been corrected. Supplier and severity are the new ones."""

    event_type: ClassVar[str] = "NC_CORRECTED"

    previous_supplier_id: Annotated[int, Key("the supplier before, often the same", example=17)]
    fields: Annotated[list[str], Key("which fields have changed", example=["lot_no", "qty_defective"])]
    reason: Annotated[str, Key("why", example="Lot number misread")]


@register
@dataclass(frozen=True, kw_only=True)
class NonConformitySeverityChanged(CaseEvent):
    """An open one has another severity. It follows NC_CORRECTED."""

    event_type: ClassVar[str] = "NC_SEVERITY_CHANGED"

    old: Annotated[str, Key("`low`, `medium` or `high`", example="medium")]
    new: Annotated[str, Key("the same", example="high")]
    reason: Annotated[str, Key("why", example="The part is safety-relevant")]


@register
@dataclass(frozen=True, kw_only=True)
class NonConformityAssigned(NonConformityEvent):
    """An open one has another owner or due date."""

    event_type: ClassVar[str] = "NC_ASSIGNED"

    owner_id: Annotated[int | None, Key("the user who owns it now; null: nobody", example=3)]
    due_on: Annotated[str | None, Key("when it is to be closed, by ISO 8601", example="2026-12-24")]


@register
@dataclass(frozen=True, kw_only=True)
class NonConformityContained(NonConformityEvent):
    """It has been said what keeps the defect from doing harm (8D: D3). Saying it anew publishes it anew."""

    event_type: ClassVar[str] = "NC_CONTAINED"


@register
@dataclass(frozen=True, kw_only=True)
class NonConformityAnalysed(NonConformityEvent):
    """Its root cause has been said (8D: D4). Saying it anew publishes it anew."""

    event_type: ClassVar[str] = "NC_ANALYSED"

    cause_code: Annotated[str, Key("the class of the cause", example="method")]


@register
@dataclass(frozen=True, kw_only=True)
class NonConformityDispositioned(NonConformityEvent):
    """It has been decided what happens to the product. Deciding anew takes a concession back."""

    event_type: ClassVar[str] = "NC_DISPOSITIONED"

    disposition: Annotated[str, Key("`rework`, `sort`, `return`, `scrap` or `use_as_is`", example="rework")]
    qty: Annotated[int | None, Key("how many pieces", example=40)]


@register
@dataclass(frozen=True, kw_only=True)
class NonConformityConceded(NonConformityEvent):
    """A concession has been given: the product may be used as it is."""

    event_type: ClassVar[str] = "NC_CONCESSION_GIVEN"


@register
@dataclass(frozen=True, kw_only=True)
class NonConformityClosed(NonConformityEvent):
    """A non-conformity has been closed. It may be reopened, and closed again."""

    event_type: ClassVar[str] = "NC_CLOSED"

    closure_code: Annotated[
        str, Key("`corrected`, `concession`, `duplicate`, or `unfounded` if it was a mistake", example="corrected")
    ] = ""
    days_open: Annotated[int | None, Key("whole days since it was recorded", example=23)] = None
    closure_gaps: Annotated[list[str] | None, Key("what evidence was missing", example=["root_cause"])] = None


@register
@dataclass(frozen=True, kw_only=True)
class NonConformityReopened(NonConformityEvent):
    """A closed one is open again."""

    event_type: ClassVar[str] = "NC_REOPENED"

    reason: Annotated[str, Key("why", example="The same defect in the next lot")]
    reopened_count: Annotated[int, Key("how many times by now", example=1)]


@register
@dataclass(frozen=True, kw_only=True)
class NonConformityOverdue(NonConformityEvent):
    """An open one should have been closed by now. It is said once for each due date."""

    event_type: ClassVar[str] = "NC_OVERDUE"

    due_on: Annotated[str, Key("when it was to be closed, by ISO 8601", example="2026-12-24")]
    days_late: Annotated[int, Key("whole days since, in UTC", example=1)]
    owner_id: Annotated[int | None, Key("the user who owns it; null: nobody", example=3)]


@register
@dataclass(frozen=True, kw_only=True)
class ContainmentLate(NonConformityEvent):
    """Nobody has said in time what keeps the defect from doing harm. It is said once."""

    event_type: ClassVar[str] = "NC_CONTAINMENT_LATE"

    hours: Annotated[int, Key("in how many hours it should have been contained", example=24)]
    owner_id: Annotated[int | None, Key("the user who owns it; null: nobody", example=3)]


@dataclass(frozen=True, kw_only=True)
class ActionEvent(CaseEvent):
    action_id: Annotated[int, Key("the action", example=7)]
    kind: Annotated[str, Key("`containment`, `correction`, `corrective` or `preventive`", example="corrective")]


@dataclass(frozen=True, kw_only=True)
class PlannedActionEvent(ActionEvent):
    owner_id: Annotated[int | None, Key("the user whose it is; null: the supplier's contact", example=3)]
    contact: Annotated[str, Key("who it is at the supplier, or empty", example="")]
    due_on: Annotated[str, Key("when it is to be done, by ISO 8601", example="2026-12-24")]


@register
@dataclass(frozen=True, kw_only=True)
class ActionOpened(PlannedActionEvent):
    """An action has been agreed on."""

    event_type: ClassVar[str] = "CAPA_OPENED"

    follow_up_of: Annotated[int | None, Key("the action that was not effective before it", example=None)] = None


@register
@dataclass(frozen=True, kw_only=True)
class ActionChanged(PlannedActionEvent):
    """What is to be done, by whom or until when is another thing now."""

    event_type: ClassVar[str] = "CAPA_CHANGED"


@register
@dataclass(frozen=True, kw_only=True)
class ActionStarted(ActionEvent):
    """Somebody has begun."""

    event_type: ClassVar[str] = "CAPA_STARTED"


@register
@dataclass(frozen=True, kw_only=True)
class ActionDone(ActionEvent):
    """An action has been completed. It has to be verified by somebody else."""

    event_type: ClassVar[str] = "CAPA_DONE"

    done_by: Annotated[int, Key("the user who completed it", example=3)]


@register
@dataclass(frozen=True, kw_only=True)
class ActionVerified(ActionEvent):
    """Somebody has looked whether a completed action helped."""

    event_type: ClassVar[str] = "CAPA_VERIFIED"

    effective: Annotated[bool, Key("whether it did", example=False)]
    verified_by: Annotated[int, Key("the user who looked", example=4)]
    follow_up_id: Annotated[int | None, Key("the action that takes its place, if it did not", example=8)]


@register
@dataclass(frozen=True, kw_only=True)
class ActionCancelled(ActionEvent):
    """An action will not be done."""

    event_type: ClassVar[str] = "CAPA_CANCELLED"

    reason: Annotated[str, Key("why", example="The part is not made any more")]


@register
@dataclass(frozen=True, kw_only=True)
class ActionOverdue(PlannedActionEvent):
    """An action should have been completed by now. It is said once for each due date."""

    event_type: ClassVar[str] = "CAPA_OVERDUE"

    days_late: Annotated[int, Key("whole days since, in UTC", example=1)]
