"""People's words for what happens to certificates."""

from __future__ import annotations

from audit.words import Field, Group, Words, register
from suppliers.choices import CertificateStatus, VerifyMethod
from suppliers.standards import Standard

_THRESHOLDS = {"90": "90 days", "60": "60 days", "30": "30 days", "7": "7 days", "0": "the last day", "-1": "the end"}

register(
    Words(
        record="certificate",
        name="certificate",
        group=Group.BUSINESS,
        happened={
            "CERTIFICATE_SUBMITTED": "Certificate handed in",
            "CERTIFICATE_CORRECTED": "Certificate corrected",
            "CERTIFICATE_VERIFIED": "Certificate verified",
            "CERTIFICATE_REJECTED": "Certificate rejected",
            "CERTIFICATE_WITHDRAWN": "Certificate withdrawn",
            "CERTIFICATE_SUPERSEDED": "Certificate superseded",
            "CERTIFICATE_EXPIRING": "Certificate ends soon",
            "CERTIFICATE_EXPIRED": "Certificate has ended",
            "DEMO_DATED_BACK": "Demo data dated back",
        },
        fields={
            "supplier_id": Field("supplier", refers_to="supplier"),
            "standard": Field("standard", choices=dict(Standard.choices)),
            "edition": Field("edition"),
            "number": Field("number"),
            "issuer": Field("issuer"),
            "accreditation_body": Field("accreditation body"),
            "scope": Field("scope"),
            "sites": Field("sites"),
            "valid_from": Field("valid from"),
            "valid_to": Field("valid until"),
            "last_surveillance_on": Field("last surveillance"),
            "supersedes_id": Field("renews", refers_to="certificate"),
            "status": Field("status", choices=dict(CertificateStatus.choices)),
            "submitted_at": Field("handed in"),
            "verified_at": Field("verified"),
            "verified_by_id": Field("verified by", refers_to="user"),
            "verify_method": Field("how it was verified", choices=dict(VerifyMethod.choices)),
            "verify_ref": Field("where it was verified"),
            "decided_at": Field("decided"),
            "uploaded_at": Field("file put on"),
            "expiry_told": Field("told of the end", choices=_THRESHOLDS),
        },
    )
)
