"""People's words for what suppliers delivered. The entries stand in the history of the supplier."""

from __future__ import annotations

from audit.words import Field, Group, Words, register

register(
    Words(
        record="volume",
        name="volume",
        group=Group.BUSINESS,
        part=True,
        happened={"SUPPLIER_VOLUME_SET": "Volumes of a month set"},
        fields={
            "volume_month": Field("month"),
            "received_qty": Field("pieces received"),
            "defective_qty": Field("pieces defective"),
            "received_lots": Field("lots received"),
            "rejected_lots": Field("lots rejected"),
            "late_lots": Field("lots late"),
        },
    )
)
