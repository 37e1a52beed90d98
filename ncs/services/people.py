"""Who may own cases and actions."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from qhse.accounts.models import User
from qhse.accounts.roles import Role

OWNERS = frozenset({Role.QUALITY, Role.ADMIN})
"""The roles that may work on a case. To give one to somebody who cannot do anything with it would hide it."""


def owned_by_nobody(field: str = "owner") -> Q:
    """Return the condition that nobody who may work on it owns a record: no one, or somebody who has left."""
    gone = ~Q(**{f"{field}__role__in": sorted(OWNERS)}) | Q(**{f"{field}__is_active": False})
    return Q(**{f"{field}__isnull": True}) | gone


def owners() -> QuerySet[User]:
    """Return who may own cases and actions, by name."""
    return User.objects.filter(is_active=True, role__in=OWNERS).order_by("username", "id")


def may_own(user_id: int) -> bool:
    return owners().filter(pk=user_id).exists()
