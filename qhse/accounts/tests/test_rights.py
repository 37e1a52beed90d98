"""The one question about rights."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser

from qhse.accounts.models import User
from qhse.accounts.rights import is_allowed, refusal
from qhse.accounts.roles import EVERYONE, Role

TABLE = {"list": EVERYONE, "close": frozenset({Role.QUALITY}), "nobody": frozenset()}


@pytest.mark.parametrize(
    ("role", "action", "answer"),
    [
        (Role.QUALITY, "close", True),
        (Role.AUDITOR, "close", False),
        (Role.AUDITOR, "list", True),
        (Role.ADMIN, "nobody", False),
        (Role.ADMIN, "not listed", False),
        (Role.ADMIN, "", False),
        ("", "list", False),
        ("superuser", "list", False),
    ],
)
def test_the_table_decides_and_what_it_does_not_list_is_denied(role, action, answer):
    assert is_allowed(User(role=role), action, TABLE) is answer


def test_a_deactivated_user_may_do_nothing():
    assert not is_allowed(User(role=Role.QUALITY, is_active=False), "list", TABLE)


def test_nobody_in_particular_may_do_nothing():
    assert not is_allowed(AnonymousUser(), "list", TABLE)


@pytest.mark.parametrize(
    ("action", "told"),
    [
        ("close", "Your role is auditor. This may be done by quality."),
        ("write", "Your role is auditor. This may be done by procurement or admin."),
        ("nobody", "No role may do this."),
        ("not listed", "No role may do this."),
    ],
)
def test_who_is_refused_is_told_their_role_and_who_may(action, told):
    table = TABLE | {"write": frozenset({Role.ADMIN, Role.PROCUREMENT})}

    assert refusal(User(role=Role.AUDITOR), action, table) == told
