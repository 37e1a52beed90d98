"""Everybody sees suppliers; those who buy record them."""

from __future__ import annotations

import pytest

from qhse.accounts.roles import Role
from suppliers.choices import SupplierStatus
from suppliers.permissions import (
    CERTIFICATE_ROLES,
    SUPPLIER_ROLES,
    CertificatePermission,
    SupplierPermission,
)
from suppliers.status import moves_from, who_decides


class TestSupplierRoles:
    @pytest.mark.parametrize("action", ["list", "retrieve"])
    @pytest.mark.parametrize("role", Role)
    def test_let_everybody_read(self, action, role):
        assert role in SUPPLIER_ROLES[action]

    @pytest.mark.parametrize("action", ["create", "update_certification", "correct"])
    def test_let_procurement_and_admins_write_and_nobody_else(self, action):
        assert SUPPLIER_ROLES[action] == {Role.PROCUREMENT, Role.ADMIN}

    def test_know_neither_a_deletion_nor_a_general_change(self):
        assert set(SUPPLIER_ROLES) == {
            "list", "retrieve", "create", "update_certification", "correct", "change_status", "merge", "attach",
            "override_risk",
        }  # fmt: skip

    def test_let_those_decide_whom_the_rules_of_the_status_name(self):
        able = {
            role
            for present in SupplierStatus
            for target in moves_from(present)
            for role in who_decides(present, target)
        }

        assert SUPPLIER_ROLES["change_status"] == able

    def test_let_an_administrator_merge_and_nobody_else(self):
        assert SUPPLIER_ROLES["merge"] == {Role.ADMIN}

    def test_are_what_the_api_asks(self):
        assert SupplierPermission.table is SUPPLIER_ROLES


class TestCertificateRoles:
    """Who hands in and who verifies are two roles. Administrators have both, so the service looks at the person."""

    @pytest.mark.parametrize("action", ["create", "correct"])
    def test_let_procurement_hand_in(self, action):
        assert CERTIFICATE_ROLES[action] == {Role.PROCUREMENT, Role.ADMIN}

    @pytest.mark.parametrize("action", ["verify", "reject", "withdraw"])
    def test_let_quality_decide(self, action):
        assert CERTIFICATE_ROLES[action] == {Role.QUALITY, Role.ADMIN}

    def test_let_everybody_read_and_nobody_delete(self):
        assert CERTIFICATE_ROLES["list"] == CERTIFICATE_ROLES["retrieve"] == set(Role)
        assert set(CERTIFICATE_ROLES) == {
            "list", "retrieve", "create", "correct", "verify", "reject", "withdraw", "attach",
        }  # fmt: skip

    def test_are_what_the_api_asks(self):
        assert CertificatePermission.table is CERTIFICATE_ROLES
