"""People's words for what happens to suppliers."""

from __future__ import annotations

from audit.words import Field, Group, Words, register
from suppliers.choices import Criticality, RiskLevel, SupplierCategory, SupplierStatus
from suppliers.countries import COUNTRIES
from suppliers.standards import Standard

register(
    Words(
        record="supplier",
        name="supplier",
        group=Group.BUSINESS,
        happened={
            "SUPPLIER_CREATED": "Supplier recorded",
            "SUPPLIER_CERT_UPDATED": "Certification updated",
            "SUPPLIER_CORRECTED": "Supplier corrected",
            "SUPPLIER_STATUS_CHANGED": "Status of the supplier changed",
            "SUPPLIER_MERGED": "Supplier merged into another one",
            "SUPPLIER_TAKEN_IN": "Duplicate merged into this supplier",
            "CERTIFICATE_MOVED": "Certificate moved to another supplier",
            "VOLUME_MOVED": "Deliveries of a month moved with a merger",
            "SUPPLIER_RISK_CHANGED": "Risk level or score changed",
            "SUPPLIER_RISK_OVERRIDDEN": "Risk level overridden",
            "DEMO_DATED_BACK": "Demo data dated back",
        },
        fields={
            "name": Field("name"),
            "certification_expiry": Field("certified until"),
            "external_ref": Field("external reference"),
            "country": Field("country", choices=COUNTRIES),
            "category": Field("category", choices=dict(SupplierCategory.choices)),
            "criticality": Field("criticality", choices=dict(Criticality.choices)),
            "contact_name": Field("contact"),
            "contact_email": Field("e-mail address of the contact"),
            "required_standards": Field("required standards", choices=dict(Standard.choices)),
            "next_review_on": Field("next review"),
            "status": Field("status", choices=dict(SupplierStatus.choices)),
            "merged_into_id": Field("merged into", refers_to="supplier"),
            "merged_id": Field("duplicate", refers_to="supplier"),
            "moved_cases": Field("non-conformities moved"),
            "moved_certificates": Field("certificates moved"),
            "moved_volumes": Field("months of deliveries moved"),
            "risk_level": Field("risk level", choices=dict(RiskLevel.choices)),
            "risk_score": Field("risk score"),
            "override_level": Field("risk level by override", choices=dict(RiskLevel.choices)),
            "override_until": Field("override until"),
            "override_reason": Field("reason of the override"),
            "status_at": Field("status decided"),
            "created_at": Field("recorded"),
            "updated_at": Field("last changed"),
        },
    )
)
