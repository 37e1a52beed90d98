"""Who may do what with non-conformities and with the actions on them."""

from __future__ import annotations

from qhse.accounts.roles import EVERYONE, Role, RoleTable
from qhse.api.permissions import RolePermission

_QUALITY = frozenset({Role.QUALITY, Role.ADMIN})
_AUDITORS = frozenset({Role.AUDITOR, Role.ADMIN})

NC_ROLES: RoleTable = {
    "list": EVERYONE,
    "retrieve": EVERYONE,
    "report": EVERYONE,
    "create": _QUALITY,
    "correct": _QUALITY,
    "assign": _QUALITY,
    "contain": _QUALITY,
    "analyse": _QUALITY,
    "dispose": _QUALITY,
    "concede": _QUALITY,
    "close": _QUALITY,
    "reopen": _QUALITY,
    "void": _QUALITY,
    "sample": _AUDITORS,
}
# Of all kinds of record: a dossier has the entries of the trail, which are the auditors'.
DOSSIER_ROLES: RoleTable = {"retrieve": _AUDITORS}
ACTION_ROLES: RoleTable = {
    "list": EVERYONE,
    "retrieve": EVERYONE,
    "create": _QUALITY,
    "change": _QUALITY,
    "start": _QUALITY,
    "complete": _QUALITY,
    "verify": _QUALITY,
    "cancel": _QUALITY,
}
OWNER_ROLES: RoleTable = {"list": _QUALITY}
WORK_ROLES: RoleTable = {"retrieve": EVERYONE}


class NonConformityPermission(RolePermission):
    table = NC_ROLES


class DossierPermission(RolePermission):
    table = DOSSIER_ROLES


class ActionPermission(RolePermission):
    table = ACTION_ROLES


class OwnersPermission(RolePermission):
    table = OWNER_ROLES


class WorkPermission(RolePermission):
    table = WORK_ROLES
