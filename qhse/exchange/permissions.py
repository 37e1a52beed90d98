"""Who may import: who may write the records. Everybody reads imports, as they read the records."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import PermissionDenied

from qhse.accounts.rights import refusal
from qhse.api.permissions import RolePermission
from qhse.exchange.registry import kind_of, may_import, roles


class ImportPermission(RolePermission):
    """The first look, at what no kind of record allows. `demand_right` follows once the kind is known."""

    table = roles


def demand_right(user: Any, kind: str) -> None:
    """Raise PermissionDenied unless this person may import this kind. Raises KindIsUnknown."""
    imported = kind_of(kind)
    if not may_import(user, imported):
        raise PermissionDenied(refusal(user, imported.write, imported.table))
