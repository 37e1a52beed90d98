"""Enumerations and periods of the supplier's world."""

from __future__ import annotations

from django.db import models

RENEWAL_NOTICE_DAYS = 90  # before its end, a certification counts as ending soon


class SupplierStatus(models.TextChoices):
    """What was decided about a supplier by ISO 9001:2015, 8.4.1. `suppliers.status` says what may follow what."""

    PENDING = "pending", "Pending"
    APPROVED = "approved", "Approved"
    CONDITIONAL = "conditional", "Approved with conditions"
    SUSPENDED = "suspended", "Suspended"
    REJECTED = "rejected", "Rejected"
    DISQUALIFIED = "disqualified", "Disqualified"


class SupplierCategory(models.TextChoices):
    MATERIAL = "material", "Material"
    COMPONENT = "component", "Component"
    SERVICE = "service", "Service"
    LOGISTICS = "logistics", "Logistics"
    OUTSOURCED_PROCESS = "outsourced_process", "Outsourced process"


class Criticality(models.TextChoices):
    """What it would mean if the supplier failed. It is the other axis beside risk, and in no score."""

    A = "A", "A: the line stops"
    B = "B", "B: it can be bridged"
    C = "C", "C: others deliver the same"


class CertificateStatus(models.TextChoices):
    """What was decided about a certificate. Whether it is in date follows from its days, and is never stored."""

    SUBMITTED = "submitted", "Submitted"
    VERIFIED = "verified", "Verified"
    REJECTED = "rejected", "Rejected"
    WITHDRAWN = "withdrawn", "Withdrawn"
    SUPERSEDED = "superseded", "Superseded"


class VerifyMethod(models.TextChoices):
    REGISTER = "register", "Public register"
    ISSUER = "issuer", "Issuer's site or answer"
    DOCUMENT = "document", "Document only"


class Confidence(models.TextChoices):
    """How much of a score rests on figures. It is low while pieces delivered are not known."""

    LOW = "low", "Low"
    FULL = "full", "Full"


class RiskLevel(models.TextChoices):
    LOW = "low", "Low"
    MEDIUM = "medium", "Medium"
    HIGH = "high", "High"
    CRITICAL = "critical", "Critical"


class Severity(models.TextChoices):
    """How severe a non-conformity is. Here, because suppliers count and are scored by it."""

    LOW = "low", "Low"
    MEDIUM = "medium", "Medium"
    HIGH = "high", "High"
