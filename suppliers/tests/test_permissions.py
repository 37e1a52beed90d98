"""Everybody sees suppliers; those who buy record them."""

from __future__ import annotations

import pytest

from qhse.accounts.roles import Role
from suppliers.permissions import SUPPLIER_ROLES, SupplierPermission


class TestSupplierRoles:
    @pytest.mark.parametrize("action", ["list", "retrieve"])
    @pytest.mark.parametrize("role", Role)
    def test_let_everybody_read(self, action, role):
        assert role in SUPPLIER_ROLES[action]

    @pytest.mark.parametrize("action", ["create", "update_certification"])
    def test_let_procurement_and_admins_write_and_nobody_else(self, action):
        assert SUPPLIER_ROLES[action] == {Role.PROCUREMENT, Role.ADMIN}

    def test_know_neither_a_deletion_nor_a_general_change(self):
        assert set(SUPPLIER_ROLES) == {"list", "retrieve", "create", "update_certification"}

    def test_are_what_the_api_asks(self):
        assert SupplierPermission.table is SUPPLIER_ROLES
