"""Who works with the system: users, each with one role."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser
from django.contrib.auth.models import UserManager as DjangoUserManager
from django.db import models

from qhse.accounts.roles import Role


class UserManager(DjangoUserManager["User"]):
    """Creates users without the superuser flag, which this product does not have."""

    def create_superuser(
        self, username: str, email: str | None = None, password: str | None = None, **extra: Any
    ) -> User:
        """Create the first administrator (`manage.py createsuperuser`): role admin, may use the admin site."""
        return self._create_user(username, email, password, **extra | {"role": Role.ADMIN, "is_staff": True})  # type: ignore[attr-defined, no-any-return]

    def create_user(self, username: str, email: str | None = None, password: str | None = None, **extra: Any) -> User:
        return self._create_user(username, email, password, **extra)  # type: ignore[attr-defined, no-any-return]


class User(AbstractUser):
    """
    A person or a program that may log in.

    One row is never deleted, only deactivated: audit entries name it. What a user may do follows from `role`
    alone, read from this row at each request. Django's superuser flag, groups and permissions are taken away,
    so that no second source of rights exists; `is_staff` opens the admin site, in which the role decides again.
    """

    role = models.CharField(max_length=20, choices=Role.choices)

    is_superuser = False
    groups = None  # type: ignore[assignment]
    user_permissions = None  # type: ignore[assignment]

    objects: ClassVar[UserManager] = UserManager()

    class Meta(AbstractUser.Meta):
        ordering = ("username",)
        constraints = (models.CheckConstraint(condition=models.Q(role__in=Role.values), name="user_role_is_known"),)

    def has_perm(self, perm: str, obj: object = None) -> bool:
        """Answer no: rights come from the role tables, which every entry point reads itself."""
        return False

    def has_module_perms(self, app_label: str) -> bool:
        """Answer yes to staff: it only decides whether the admin lists an app, whose pages then ask the role."""
        return self.is_active and self.is_staff
