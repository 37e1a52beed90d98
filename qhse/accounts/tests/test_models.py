"""Rights come from the role alone, and nothing of Django's gives more."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from qhse.accounts.models import User
from qhse.accounts.roles import Role


class TestUser:
    @pytest.mark.parametrize("role", Role)
    def test_has_none_of_djangos_permissions_whatever_the_role(self, role):
        user = User(username="root", role=role, is_staff=True)

        assert not user.has_perm("accounts.delete_user")
        assert not user.is_superuser

    def test_may_see_sections_of_the_admin_only_as_active_staff(self):
        assert User(is_staff=True).has_module_perms("ncs")
        assert not User(is_staff=False).has_module_perms("ncs")
        assert not User(is_staff=True, is_active=False).has_module_perms("ncs")

    def test_of_an_unknown_role_is_refused_by_the_database(self, db):
        with pytest.raises(IntegrityError), transaction.atomic():
            User.objects.create_user("root", role="superuser")


class TestUserManager:
    def test_makes_no_superusers_behind_the_services(self, db):
        with pytest.raises(NotImplementedError):
            User.objects.create_superuser("root", password="a-long-enough-secret-4711")
