"""Who may have events sent elsewhere, and see what was sent: administrators."""

from __future__ import annotations

from qhse.accounts.roles import Role, RoleTable
from qhse.api.permissions import RolePermission

_ADMINISTRATORS = frozenset({Role.ADMIN})

WEBHOOK_ROLES: RoleTable = {
    "list": _ADMINISTRATORS,
    "retrieve": _ADMINISTRATORS,
    "create": _ADMINISTRATORS,
    "change": _ADMINISTRATORS,
    "rotate_secret": _ADMINISTRATORS,
}

DELIVERY_ROLES: RoleTable = {
    "list": _ADMINISTRATORS,
    "retrieve": _ADMINISTRATORS,
    "retry": _ADMINISTRATORS,
}


class WebhookPermission(RolePermission):
    table = WEBHOOK_ROLES


class DeliveryPermission(RolePermission):
    table = DELIVERY_ROLES
