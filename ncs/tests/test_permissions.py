"""Everybody sees non-conformities; quality works on them."""

from __future__ import annotations

import pytest

from ncs.permissions import ACTION_ROLES, NC_ROLES, ActionPermission, NonConformityPermission
from ncs.services.people import OWNERS
from qhse.accounts.roles import Role


class TestNcRoles:
    @pytest.mark.parametrize("action", ["list", "retrieve", "report"])
    @pytest.mark.parametrize("role", Role)
    def test_let_everybody_read(self, action, role):
        assert role in NC_ROLES[action]

    @pytest.mark.parametrize("table", [NC_ROLES, ACTION_ROLES])
    def test_let_quality_and_admins_write_and_nobody_else(self, table):
        reads = ("list", "retrieve", "report", "sample")
        writes = {action: roles for action, roles in table.items() if action not in reads}

        assert len(writes) >= 6
        assert set(map(frozenset, writes.values())) == {frozenset({Role.QUALITY, Role.ADMIN})}

    def test_give_cases_to_nobody_who_could_not_work_on_them(self):
        assert NC_ROLES["contain"] == ACTION_ROLES["complete"] == OWNERS

    def test_know_no_deletion(self):
        assert not {"destroy", "delete"} & {*NC_ROLES, *ACTION_ROLES}

    def test_are_what_the_api_asks(self):
        assert NonConformityPermission.table is NC_ROLES
        assert ActionPermission.table is ACTION_ROLES
