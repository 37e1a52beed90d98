"""Who may do what with suppliers."""

from __future__ import annotations

from qhse.accounts.roles import EVERYONE, Role, RoleTable
from qhse.api.permissions import RolePermission

_BUYERS = frozenset({Role.PROCUREMENT, Role.ADMIN})
_QUALITY = frozenset({Role.QUALITY, Role.ADMIN})

SUPPLIER_ROLES: RoleTable = {
    "list": EVERYONE,
    "retrieve": EVERYONE,
    "create": _BUYERS,
    "update_certification": _BUYERS,
    "correct": _BUYERS,
    "change_status": frozenset({Role.QUALITY, Role.PROCUREMENT, Role.ADMIN}),  # who decides what: suppliers/status.py
    "merge": frozenset({Role.ADMIN}),
    "override_risk": _QUALITY,
    "attach": _BUYERS | _QUALITY,
}
CERTIFICATE_ROLES: RoleTable = {
    "list": EVERYONE,
    "retrieve": EVERYONE,
    "create": _BUYERS,
    "correct": _BUYERS,
    "verify": _QUALITY,
    "reject": _QUALITY,
    "withdraw": _QUALITY,
    "attach": _BUYERS | _QUALITY,
}
RISK_ROLES: RoleTable = {"list": EVERYONE, "retrieve": EVERYONE, "override": SUPPLIER_ROLES["override_risk"]}


VOLUME_ROLES: RoleTable = {
    "list": EVERYONE,
    "retrieve": EVERYONE,
    "create": _BUYERS,
    "set_month": _BUYERS,
}


class SupplierPermission(RolePermission):
    table = SUPPLIER_ROLES


class CertificatePermission(RolePermission):
    table = CERTIFICATE_ROLES


class VolumePermission(RolePermission):
    table = VOLUME_ROLES


class RiskPermission(RolePermission):
    table = RISK_ROLES
