"""People's words for what happens to non-conformities."""

from __future__ import annotations

from audit.words import Field, Group, Words, register
from ncs.choices import NcStatus
from suppliers.choices import Severity

register(
    Words(
        record="nonconformity",
        name="non-conformity",
        group=Group.BUSINESS,
        happened={
            "NC_CREATED": "Non-conformity recorded",
            "NC_CLOSED": "Non-conformity closed",
            "DEMO_DATED_BACK": "Demo data dated back",
        },
        fields={
            "supplier_id": Field("supplier", refers_to="supplier"),
            "severity": Field("severity", choices=dict(Severity.choices)),
            "status": Field("status", choices=dict(NcStatus.choices)),
            "description": Field("description"),
            "created_at": Field("recorded"),
            "closed_at": Field("closed"),
        },
    )
)
