"""Who may do what with non-conformities."""

from __future__ import annotations

from qhse.accounts.roles import EVERYONE, Role, RoleTable
from qhse.api.permissions import RolePermission

_QUALITY = frozenset({Role.QUALITY, Role.ADMIN})

NC_ROLES: RoleTable = {
    "list": EVERYONE,
    "retrieve": EVERYONE,
    "create": _QUALITY,
    "close": _QUALITY,
}


class NonConformityPermission(RolePermission):
    table = NC_ROLES
