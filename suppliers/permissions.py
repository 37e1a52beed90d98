"""Who may do what with suppliers."""

from __future__ import annotations

from qhse.accounts.roles import EVERYONE, Role, RoleTable
from qhse.api.permissions import RolePermission

_BUYERS = frozenset({Role.PROCUREMENT, Role.ADMIN})

SUPPLIER_ROLES: RoleTable = {
    "list": EVERYONE,
    "retrieve": EVERYONE,
    "create": _BUYERS,
    "update_certification": _BUYERS,
}


class SupplierPermission(RolePermission):
    table = SUPPLIER_ROLES
