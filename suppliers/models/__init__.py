"""Suppliers, their certificates, what they deliver, and what was concluded about them."""

from suppliers.models.assessment import RiskAssessment
from suppliers.models.certificate import Certificate, CertificateQuerySet
from suppliers.models.supplier import (
    Supplier,
    SupplierQuerySet,
    at_risk_on,
    called,
    expired_on,
    expiring_between,
    expiring_on,
    level_on,
    override_on,
)
from suppliers.models.volume import SupplierVolume

__all__ = [
    "Certificate",
    "CertificateQuerySet",
    "RiskAssessment",
    "Supplier",
    "SupplierQuerySet",
    "SupplierVolume",
    "at_risk_on",
    "called",
    "expired_on",
    "expiring_between",
    "expiring_on",
    "level_on",
    "override_on",
]
