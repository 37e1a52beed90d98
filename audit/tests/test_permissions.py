"""The trail as a whole is for those who audit; nobody writes it."""

from __future__ import annotations

import pytest

from audit.permissions import AUDIT_ROLES
from qhse.accounts.roles import Role


@pytest.mark.parametrize("action", ["list", "verify", "export", "review"])
def test_only_auditors_and_administrators_read_verify_export_and_review_the_trail(action):
    assert AUDIT_ROLES[action] == {Role.AUDITOR, Role.ADMIN}


def test_everybody_sees_the_history_of_a_record_that_they_see():
    assert AUDIT_ROLES["record_history"] == set(Role)


def test_nothing_else_is_allowed_to_anybody():
    assert set(AUDIT_ROLES) == {"list", "verify", "export", "review", "record_history"}
