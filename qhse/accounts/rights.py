"""The one way in which the API, the admin and the commands ask a role table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qhse.accounts.roles import RoleTable

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from qhse.accounts.models import User


def is_allowed(user: User | AnonymousUser, action: str, table: RoleTable) -> bool:
    """Answer whether this user's role may do this action. What a table does not list is denied to everyone."""
    if not user.is_authenticated or not user.is_active:
        return False
    return user.role in table.get(action, frozenset())
