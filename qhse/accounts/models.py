"""Who works with the system: users, each with one role."""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn
from uuid import uuid4

from django.contrib.auth.models import AbstractUser
from django.contrib.auth.models import UserManager as DjangoUserManager
from django.db import models
from django.db.models.functions import Now

from qhse.accounts.roles import Role


class UserManager(DjangoUserManager["User"]):
    """Stores users without the superuser flag, which this product does not have. Leaves no audit entry."""

    def create_user(self, username: str, email: str | None = None, password: str | None = None, **extra: Any) -> User:
        return self._create_user(username, email, password, **extra)  # type: ignore[attr-defined, no-any-return]

    def create_superuser(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise NotImplementedError("there are no superusers; `manage.py createsuperuser` makes an administrator")


class User(AbstractUser):
    """
    A person or a program that may log in.

    A row is never deleted, only deactivated: audit entries name it. What a user may do follows from `role` alone, read
    from this row at each request. Django's superuser flag, groups and permissions are taken away: there is one source
    of rights. `is_staff` opens the admin site, where the role decides again.

    `external_id` is null for our own users. For one of the identity provider it is a digest of issuer and subject, and
    `external_role_at` is when the provider issued the token that last brought the role.
    """

    role = models.CharField(max_length=20, choices=Role.choices)
    external_id = models.CharField(max_length=64, null=True, unique=True, editable=False)
    external_role_at = models.DateTimeField(null=True, editable=False)

    is_superuser = False
    groups = None  # type: ignore[assignment]
    user_permissions = None  # type: ignore[assignment]

    objects: ClassVar[UserManager] = UserManager()

    class Meta(AbstractUser.Meta):
        ordering = ("username",)
        constraints = (
            models.CheckConstraint(
                condition=models.Q(role__in=Role.values),
                name="user_role_is_known",
                violation_error_message="The role is not one of quality, procurement, auditor, admin.",
            ),
        )

    def has_perm(self, perm: str, obj: object = None) -> bool:
        """Answer no. Rights come from the role tables, which every entry point reads itself."""
        return False

    def has_module_perms(self, app_label: str) -> bool:
        """Answer yes to active staff. It only decides whether the admin lists an app; its pages then ask the role."""
        return self.is_active and self.is_staff


class TokenFamily(models.Model):
    """
    One login by the API: its refresh tokens, of which only the last is good, and their access tokens.

    `current` names the last refresh token; the tokens themselves are stored nowhere. Logout revokes a family, and so do
    the use of a spent token, a new password and a deactivation. No token of a revoked family opens anything. It stays
    revoked. `expires_at` is when its last refresh token expires; `prune_expired` removes it afterwards.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    current = models.CharField(max_length=32)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        verbose_name_plural = "token families"

    def __str__(self) -> str:
        return self.pk.hex


class LoginCounter(models.Model):
    """
    Failed logins of one account or one address since `window_started_at`.

    `bucket` says whose. An account is in it as a digest, because people type passwords where names belong. The row is
    locked while a login is checked, so that tries that come together are counted one by one.
    """

    bucket = models.CharField(max_length=160, primary_key=True)
    failures = models.PositiveIntegerField(default=0)
    window_started_at = models.DateTimeField(db_default=Now())

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.bucket}: {self.failures}"


class FamiliarAddress(models.Model):
    """An address from which a user has logged in. Failures elsewhere cannot lock them out there."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    address = models.CharField(max_length=50)
    last_login_at = models.DateTimeField(db_default=Now())

    class Meta:
        default_permissions = ()
        verbose_name_plural = "familiar addresses"
        constraints = (
            models.UniqueConstraint(
                fields=("user", "address"),
                name="familiar_address_is_unique",
                violation_error_message="This address of this user is recorded already.",
            ),
        )

    def __str__(self) -> str:
        return f"{self.user_id} {self.address}"
