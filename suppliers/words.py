"""People's words for what happens to suppliers."""

from __future__ import annotations

from audit.words import Field, Group, Words, register
from suppliers.choices import RiskLevel

register(
    Words(
        record="supplier",
        name="supplier",
        group=Group.BUSINESS,
        happened={
            "SUPPLIER_CREATED": "Supplier recorded",
            "SUPPLIER_CERT_UPDATED": "Certification updated",
            "SUPPLIER_RISK_CHANGED": "Risk level changed",
            "DEMO_DATED_BACK": "Demo data dated back",
        },
        fields={
            "name": Field("name"),
            "certification_expiry": Field("certified until"),
            "risk_level": Field("risk level", choices=dict(RiskLevel.choices)),
            "risk_score": Field("risk score"),
            "created_at": Field("recorded"),
            "updated_at": Field("last changed"),
        },
    )
)
