"""The routes as the URL resolver has them."""

from __future__ import annotations

import pytest

from qhse.accounts.models import User
from qhse.accounts.roles import Role
from qhse.api.openapi.routes import all_patterns, api_routes, granted_permissions


def test_the_patterns_hold_the_admins_too():
    paths = {path for path, _ in all_patterns()}

    assert {"suppliers", "healthz", "admin/login/", "admin/accounts/user/"} <= paths


def test_every_api_route_is_decided_by_a_table_or_public():
    public = {route.path for route in api_routes() if route.table is None}

    assert public == {"/auth/login", "/auth/refresh", "/auth/logout"}
    assert all(route.action in route.table for route in api_routes() if route.table is not None)


@pytest.mark.parametrize(
    ("role", "granted", "denied"),
    [
        (Role.QUALITY, "ncs:close", "suppliers:create"),
        (Role.PROCUREMENT, "suppliers:create", "ncs:close"),
        (Role.AUDITOR, "audit-log:list", "outbox:requeue"),
        (Role.ADMIN, "outbox:requeue", "users:delete"),
    ],
)
def test_what_is_granted_follows_the_role(role, granted, denied):
    permissions = granted_permissions(User(role=role))

    assert granted in permissions and denied not in permissions
    assert permissions == sorted(set(permissions))


def test_a_deactivated_user_is_granted_nothing():
    assert granted_permissions(User(role=Role.ADMIN, is_active=False)) == []
