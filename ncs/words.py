"""People's words for what happens to non-conformities and to the actions on them."""

from __future__ import annotations

from audit.words import Field, Group, Words, register
from ncs.choices import (
    ActionKind,
    ActionStatus,
    Category,
    Cause,
    ClosureCode,
    DetectedAt,
    Disposition,
    Gap,
    NcStatus,
    System,
)
from suppliers.choices import Severity

register(
    Words(
        record="nonconformity",
        name="non-conformity",
        group=Group.BUSINESS,
        happened={
            "NC_CREATED": "Non-conformity recorded",
            "NC_REPEAT_DETECTED": "Repeat of earlier non-conformities",
            "NC_CORRECTED": "Non-conformity corrected",
            "NC_SEVERITY_CHANGED": "Severity changed",
            "NC_MOVED": "Moved with a supplier that was merged",
            "NC_ASSIGNED": "Non-conformity assigned",
            "NC_CONTAINED": "Containment described",
            "NC_ANALYSED": "Root cause described",
            "NC_DISPOSITIONED": "Disposition decided",
            "NC_CONCESSION_GIVEN": "Concession given",
            "NC_OVERDUE": "Non-conformity overdue",
            "NC_CONTAINMENT_LATE": "Containment late",
            "NC_CLOSED": "Non-conformity closed",
            "NC_REOPENED": "Non-conformity reopened",
            "DEMO_DATED_BACK": "Demo data dated back",
        },
        fields={
            "supplier_id": Field("supplier", refers_to="supplier"),
            "severity": Field("severity", choices=dict(Severity.choices)),
            "status": Field("status", choices=dict(NcStatus.choices)),
            "description": Field("description"),
            "system": Field("management system", choices=dict(System.choices)),
            "category": Field("category", choices=dict(Category.choices)),
            "detected_on": Field("detected on"),
            "detected_at": Field("detected at", choices=dict(DetectedAt.choices)),
            "part_no": Field("part number"),
            "lot_no": Field("lot number"),
            "po_ref": Field("order number"),
            "qty_received": Field("pieces received"),
            "qty_defective": Field("pieces defective"),
            "repeat_of_id": Field("repeats", refers_to="nonconformity"),
            "customer_informed_on": Field("customer informed on"),
            "cost": Field("cost"),
            "owner_id": Field("owner", refers_to="user"),
            "due_on": Field("due on"),
            "containment": Field("containment"),
            "contained_at": Field("contained"),
            "contained_by_id": Field("contained by", refers_to="user"),
            "cause_code": Field("class of the cause", choices=dict(Cause.choices)),
            "root_cause": Field("root cause"),
            "analysed_at": Field("analysed"),
            "analysed_by_id": Field("analysed by", refers_to="user"),
            "disposition": Field("disposition", choices=dict(Disposition.choices)),
            "disposition_qty": Field("pieces decided on"),
            "disposition_reason": Field("reason of the disposition"),
            "disposed_at": Field("decided"),
            "disposed_by_id": Field("decided by", refers_to="user"),
            "concession_by_id": Field("concession given by", refers_to="user"),
            "closure_code": Field("closed as", choices=dict(ClosureCode.choices)),
            "closure_gaps": Field("evidence missing", choices=dict(Gap.choices)),
            "closure_reason": Field("reason for closing"),
            "closed_by_id": Field("closed by", refers_to="user"),
            "reopened_count": Field("times reopened"),
            "overdue_told": Field("told of the due date"),
            "containment_told": Field("told of late containment"),
            "created_at": Field("recorded"),
            "closed_at": Field("closed"),
        },
    )
)
register(
    Words(
        record="action",
        name="action",
        group=Group.BUSINESS,
        happened={
            "CAPA_OPENED": "Action agreed on",
            "CAPA_CHANGED": "Action changed",
            "CAPA_STARTED": "Action begun",
            "CAPA_DONE": "Action completed",
            "CAPA_VERIFIED": "Action verified",
            "CAPA_CANCELLED": "Action cancelled",
            "CAPA_OVERDUE": "Action overdue",
            "DEMO_DATED_BACK": "Demo data dated back",
        },
        fields={
            "nc_id": Field("non-conformity", refers_to="nonconformity"),
            "kind": Field("kind", choices=dict(ActionKind.choices)),
            "title": Field("what is to be done"),
            "status": Field("status", choices=dict(ActionStatus.choices)),
            "owner_id": Field("owner", refers_to="user"),
            "contact": Field("contact at the supplier"),
            "due_on": Field("due on"),
            "follow_up_of_id": Field("takes the place of", refers_to="action"),
            "created_at": Field("agreed on"),
            "started_at": Field("begun"),
            "done_at": Field("completed"),
            "done_by_id": Field("completed by", refers_to="user"),
            "done_note": Field("what was done"),
            "verified_at": Field("verified"),
            "verified_by_id": Field("verified by", refers_to="user"),
            "verification_note": Field("how it was verified"),
            "overdue_told": Field("told of the due date"),
        },
    )
)
register(
    Words(
        record="nc_sample",
        name="sample of closed cases",
        group=Group.TECHNICAL,
        happened={"NC_SAMPLE_DRAWN": "Sample of closed cases drawn"},
        fields={
            "from": Field("closed from"),
            "to": Field("closed until"),
            "asked_for": Field("asked for"),
            "seed": Field("seed"),
            "population": Field("drawn from so many"),
            "drawn": Field("drawn"),
        },
    )
)
register(
    Words(
        record="dossier",
        name="dossier",
        group=Group.TECHNICAL,
        happened={"DOSSIER_MADE": "Dossier made"},
        fields={
            "about": Field("about"),
            "filter": Field("what was chosen"),
            "form": Field("form", choices={"zip": "ZIP", "pdf": "PDF", "html": "HTML"}),
            "entries": Field("entries"),
            "manifest": Field("SHA-256 of the manifest"),
        },
    )
)
