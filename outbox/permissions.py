"""Who may see outbox events, requeue and dismiss them: operators."""

from __future__ import annotations

from qhse.accounts.roles import Role, RoleTable
from qhse.api.permissions import RolePermission

_OPERATORS = frozenset({Role.ADMIN})

OUTBOX_ROLES: RoleTable = {
    "list": _OPERATORS,
    "retrieve": _OPERATORS,
    "requeue": _OPERATORS,
    "dismiss": _OPERATORS,
    "replay": _OPERATORS,
}


class OutboxPermission(RolePermission):
    table = OUTBOX_ROLES
