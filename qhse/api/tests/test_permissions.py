"""The permission class that asks an app's role table."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from rest_framework.exceptions import MethodNotAllowed

from qhse.accounts.models import User
from qhse.accounts.roles import Role
from qhse.api.permissions import RolePermission


class GaugePermission(RolePermission):
    table = {"calibrate": frozenset({Role.QUALITY})}


def ask(permission: RolePermission, role: str, method: str = "POST", action: str | None = "calibrate") -> bool:
    view = SimpleNamespace(action=action, action_map={"post": "calibrate"})
    return permission.has_permission(SimpleNamespace(method=method, user=User(role=role)), view)


def test_the_table_of_the_subclass_decides():
    assert ask(GaugePermission(), Role.QUALITY)
    assert not ask(GaugePermission(), Role.ADMIN)
    assert not ask(GaugePermission(), Role.QUALITY, action=None)


def test_a_refusal_says_who_may():
    permission = GaugePermission()
    ask(permission, Role.ADMIN)

    assert permission.message == "Your role is admin. This may be done by quality."


@pytest.mark.parametrize("role", Role)
def test_a_view_that_names_no_table_is_closed_to_everyone(role):
    assert not ask(RolePermission(), role)


def test_a_method_that_the_route_has_not_is_405_and_not_403():
    with pytest.raises(MethodNotAllowed):
        ask(GaugePermission(), Role.AUDITOR, method="DELETE", action=None)
