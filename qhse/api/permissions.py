"""The permission class that asks an app's role table."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework.exceptions import MethodNotAllowed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from qhse.accounts.rights import is_allowed, refusal
from qhse.accounts.roles import RoleTable


class RolePermission(BasePermission):
    """
    Maps the viewset's action to the roles in `table`.

    This base class is the project's default permission. Its table is empty: a view that names no table is closed to
    everyone. An object permission is never granted beyond the action's. Nothing here is per row.
    """

    table: ClassVar[RoleTable] = {}

    def has_permission(self, request: Request, view: Any) -> bool:
        action = getattr(view, "action", None)
        if (request.method or "").lower() not in getattr(view, "action_map", {}) and request.user.is_authenticated:
            # The route exists and has no such method; 405 with Allow is the truth, 403 would suggest that
            # another role could.
            raise MethodNotAllowed(request.method or "")
        if is_allowed(request.user, action or "", self.table):
            return True
        self.message = refusal(request.user, action or "", self.table)  # DRF answers with it
        return False
