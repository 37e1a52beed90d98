"""Enumerations and periods of the supplier's world."""

from __future__ import annotations

from django.db import models

RENEWAL_NOTICE_DAYS = 90  # before its end, a certification counts as ending soon


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
