"""Everybody sees non-conformities; quality opens and closes them."""

from __future__ import annotations

import pytest

from ncs.permissions import NC_ROLES, NonConformityPermission
from qhse.accounts.roles import Role


class TestNcRoles:
    @pytest.mark.parametrize("action", ["list", "retrieve"])
    @pytest.mark.parametrize("role", Role)
    def test_let_everybody_read(self, action, role):
        assert role in NC_ROLES[action]

    @pytest.mark.parametrize("action", ["create", "close"])
    def test_let_quality_and_admins_write_and_nobody_else(self, action):
        assert NC_ROLES[action] == {Role.QUALITY, Role.ADMIN}

    def test_know_neither_a_deletion_nor_a_reopening(self):
        assert set(NC_ROLES) == {"list", "retrieve", "create", "close"}

    def test_are_what_the_api_asks(self):
        assert NonConformityPermission.table is NC_ROLES
