"""The four roles. Which role may do what stands in each app's `permissions.py`."""

from __future__ import annotations

from django.db import models


class Role(models.TextChoices):
    QUALITY = "quality", "Quality"
    PROCUREMENT = "procurement", "Procurement"
    AUDITOR = "auditor", "Auditor"
    ADMIN = "admin", "Administrator"


EVERYONE = frozenset(Role)

RoleTable = dict[str, frozenset[Role]]
"""Action → the roles that may do it. An action that is missing is denied to everyone."""
