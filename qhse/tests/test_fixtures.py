"""The fixtures of conftest.py make what the services make."""

from __future__ import annotations

from audit.models import AuditEntry
from qhse.accounts.models import User
from qhse.accounts.roles import Role
from qhse.accounts.services.users import create_user

OWN_OF_A_ROW = {"id", "username", "username_key", "name_order", "password", "date_joined", "role"}
OWN_OF_AN_ENTRY = {"id", "uid", "created_at", "entity_id", "actor_salt", "actor_digest", "mark"}


def row_of(user: User) -> dict[str, object]:
    return User.objects.filter(pk=user.pk).values().get()


def entry_of(user: User) -> dict[str, object]:
    return AuditEntry.objects.filter(entity_type="user", entity_id=str(user.pk)).values().get()


class TestUsers:
    def test_are_what_create_user_makes(self, users):
        made = create_user(
            username="second", password="correct-horse-second", role=Role.QUALITY, actor=None, is_staff=True
        )

        by_service, by_fixture = row_of(made), row_of(users["quality"])

        assert {name for name in by_service if by_service[name] != by_fixture[name]} <= OWN_OF_A_ROW
        assert users["quality"].role is Role.QUALITY

    def test_have_the_entries_that_create_user_leaves(self, users):
        made = create_user(
            username="second", password="correct-horse-second", role=Role.QUALITY, actor=None, is_staff=True
        )

        by_service, by_fixture = entry_of(made), entry_of(users["quality"])
        by_service["changes"]["username"] = by_fixture["changes"]["username"]

        assert {name for name in by_service if by_service[name] != by_fixture[name]} <= OWN_OF_AN_ENTRY

    def test_log_in_with_the_password_of_their_role(self, users):
        assert all(user.check_password(f"correct-horse-{name}") for name, user in users.items())
        assert set(users) == set(Role.values)
