"""Certificates and months of suppliers, as rows: what a test starts from, and does not test."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.utils import timezone

from suppliers.models import Certificate, Supplier, SupplierVolume


def a_certificate(supplier: Supplier, submitter: Any, verifier: Any = None, **values: Any) -> Certificate:
    """Return a stored certificate. With a verifier it is verified. It is valid from last year to next year."""
    today = timezone.now().date()
    verified = {
        "status": "verified", "verified_by": verifier, "verified_at": timezone.now(), "verify_method": "register",
    } if verifier else {}  # fmt: skip
    usual = {
        "standard": "iso_9001", "number": "Q-4711", "issuer": "TÜV", "valid_from": today - timedelta(days=365),
        "valid_to": today + timedelta(days=365),
    }  # fmt: skip
    made: Certificate = Certificate.objects.create(
        supplier=supplier, submitted_by=submitter, **usual | verified | values
    )
    return made


def a_month(supplier: Supplier, month: date, received: int = 1000, defective: int = 2, **values: Any) -> SupplierVolume:
    made: SupplierVolume = SupplierVolume.objects.create(
        supplier=supplier, month=month, received_qty=received, defective_qty=defective, **values
    )
    return made
