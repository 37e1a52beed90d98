"""The one way in which the API, the admin and the commands ask a role table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qhse.accounts.roles import Role, RoleTable

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from qhse.accounts.models import User


def is_allowed(user: User | AnonymousUser, action: str, table: RoleTable) -> bool:
    """Answer whether this user's role may do this action. What a table does not list is denied to everyone."""
    if not user.is_authenticated or not user.is_active:
        return False
    return user.role in table.get(action, frozenset())


def refusal(user: User | AnonymousUser, action: str, table: RoleTable) -> str:
    """Return what tells somebody who is logged in which role they have and which ones may do it."""
    able = [role.value for role in Role if role in table.get(action, frozenset())]
    if not able:
        return "No role may do this."
    return f"Your role is {getattr(user, 'role', '')}. This may be done by {' or '.join(able)}."
