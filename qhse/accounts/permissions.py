"""Who may manage users. Everybody may ask who they are."""

from __future__ import annotations

from qhse.accounts.roles import EVERYONE, Role, RoleTable
from qhse.api.permissions import RolePermission

_ADMINISTRATORS = frozenset({Role.ADMIN})

USER_ROLES: RoleTable = {
    "list": _ADMINISTRATORS,
    "retrieve": _ADMINISTRATORS,
    "create": _ADMINISTRATORS,
    "change": _ADMINISTRATORS,
}
SESSION_ROLES: RoleTable = {"me": EVERYONE}


class SessionPermission(RolePermission):
    table = SESSION_ROLES
