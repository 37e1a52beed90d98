"""Who may read the key figures."""

from __future__ import annotations

from qhse.accounts.roles import Role, RoleTable
from qhse.api.permissions import RolePermission

KPI_ROLES: RoleTable = {
    "retrieve": frozenset({Role.QUALITY, Role.AUDITOR, Role.ADMIN}),
}


class KpiPermission(RolePermission):
    table = KPI_ROLES
