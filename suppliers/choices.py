"""Enumerations and periods of the supplier's world."""

from __future__ import annotations

from django.db import models

RENEWAL_NOTICE_DAYS = 90


class RiskLevel(models.TextChoices):
    LOW = "low", "Low"
    MEDIUM = "medium", "Medium"
    HIGH = "high", "High"
    CRITICAL = "critical", "Critical"
