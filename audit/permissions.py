"""Who may read the audit trail. Nobody writes it."""

from __future__ import annotations

from qhse.accounts.roles import EVERYONE, Role, RoleTable
from qhse.api.permissions import RolePermission

AUDIT_ROLES: RoleTable = {
    "list": frozenset({Role.AUDITOR, Role.ADMIN}),
    "verify": frozenset({Role.AUDITOR, Role.ADMIN}),
    "export": frozenset({Role.AUDITOR, Role.ADMIN}),
    "review": frozenset({Role.AUDITOR, Role.ADMIN}),
    # The history of one record, on its admin page, for whoever may see that record; the trail as a whole is the
    # auditors'.
    "record_history": EVERYONE,
}


class AuditPermission(RolePermission):
    table = AUDIT_ROLES
