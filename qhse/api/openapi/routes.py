"""What routes exist and which roles may use them, by the URL resolver. For /auth/me, docs and tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.urls import URLPattern, URLResolver, get_resolver

from qhse.accounts.rights import is_allowed
from qhse.api.permissions import RolePermission

if TYPE_CHECKING:
    from qhse.accounts.models import User
    from qhse.accounts.roles import RoleTable


@dataclass(frozen=True, slots=True)
class Route:
    """
    One method of one route.

    `table` is the role table that decides, None for a public view. `action` is the entry in it.
    """

    path: str
    method: str
    action: str
    table: RoleTable | None


def all_patterns(resolver: URLResolver | None = None, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Yield every pattern of the project with its full path. The admin's are among them."""
    for pattern in (resolver or get_resolver()).url_patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from all_patterns(pattern, path)
        else:
            yield path, pattern


def api_routes() -> Iterator[Route]:
    """Yield every method of every viewset route."""
    for path, pattern in all_patterns():
        actions: dict[str, str] = getattr(pattern.callback, "actions", None) or {}
        for method, action in actions.items():
            if method != "head":
                yield Route("/" + path, method.upper(), action, _table(pattern.callback))


def _table(view: Any) -> RoleTable | None:
    for permission in view.cls.permission_classes:
        if issubclass(permission, RolePermission):
            table: RoleTable = permission.table
            return table
    return None


def granted_permissions(user: User) -> list[str]:
    """Return what the user's role may do, as `<first part of the path>:<action>`, sorted."""
    return sorted(
        {
            f"{route.path.split('/')[1]}:{route.action}"
            for route in api_routes()
            if route.table is not None and is_allowed(user, route.action, route.table)
        }
    )
