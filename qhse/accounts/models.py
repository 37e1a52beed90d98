"""Who works with the system: users, each with one role."""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn
from uuid import uuid4

from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.models import AbstractUser
from django.contrib.auth.models import UserManager as DjangoUserManager
from django.db import models
from django.db.models.functions import Now

from qhse.accounts.fields import UsernameField, UsernameKeyField
from qhse.accounts.passwords import is_outdated
from qhse.accounts.roles import Role
from qhse.accounts.usernames import MAX_KEY_LENGTH, MAX_LENGTH, RESERVED, username_key
from qhse.ordering import DictionaryOrderField


class UserManager(DjangoUserManager["User"]):
    """Stores users without the superuser flag, which this product does not have. Leaves no audit entry."""

    def get_by_natural_key(self, username: str | None) -> User:
        """Return the user of this name, in whatever case and Unicode form it is typed."""
        return self.get(username_key=username_key(username or ""))

    def named(self, username: str) -> User | None:
        """Return the user of this name as `get_by_natural_key` does, or nobody."""
        return self.filter(username_key=username_key(username)).first()

    def names_meant(self, typed: str) -> list[str]:
        """Return the names by which the trail knows whoever is meant: as typed, as stored, or its own for others."""
        known = self.named(typed)
        return sorted({typed, *({known.username} if known else ()), *({username_key(typed)} & RESERVED)})

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

    `username_key` is the name without case and Unicode differences. It must be unique, and people are found by it.
    `name_order` is what lists are ordered by.
    `external_id` is null for our own users. For one of the identity provider it is a digest of issuer and subject, and
    `external_role_at` is when the provider issued the token that last brought the role. `version` counts the changes
    that the trail has of this user; logins are none.
    """

    username = UsernameField(
        max_length=MAX_LENGTH, unique=True, help_text="Letters, digits, single spaces and . @ + - _"
    )
    username_key = UsernameKeyField(max_length=MAX_KEY_LENGTH, editable=False)
    name_order = DictionaryOrderField(of="username")
    role = models.CharField(max_length=20, choices=Role.choices)
    external_id = models.CharField(max_length=64, null=True, unique=True, editable=False)
    external_role_at = models.DateTimeField(null=True, editable=False)
    version = models.PositiveIntegerField(default=1, db_default=1, editable=False)

    is_superuser = False
    groups = None  # type: ignore[assignment]
    user_permissions = None  # type: ignore[assignment]

    objects: ClassVar[UserManager] = UserManager()

    class Meta(AbstractUser.Meta):
        ordering = ("name_order", "username_key")
        constraints = (
            models.UniqueConstraint(
                fields=("username_key",),
                name="user_name_is_unique",
                violation_error_message="There is already a user of this name.",
            ),
            models.CheckConstraint(
                condition=~models.Q(username="") & ~models.Q(username_key=""),
                name="user_has_a_name",
                violation_error_message="A user needs a name.",
            ),
            models.CheckConstraint(
                condition=models.Q(role__in=Role.values),
                name="user_role_is_known",
                violation_error_message="The role is not one of quality, procurement, auditor, admin.",
            ),
        )

    def check_password(self, raw_password: str | None) -> bool:
        """
        Answer whether this is the password. A hash that an earlier version made of it as it was typed is made anew.

        It costs as many hashes as with a user who does not exist.
        """
        if raw_password is None or not self.has_usable_password():
            make_password(raw_password)
            return False
        is_right = check_password(raw_password, self.password, setter=self._hash_anew)
        if is_right and is_outdated(raw_password, self.password):
            self._hash_anew(raw_password)
        return is_right

    def _hash_anew(self, password: str) -> None:
        # Only over what was checked: somebody may have set another password meanwhile, which Django's own would undo.
        anew = make_password(password)
        if User.objects.filter(pk=self.pk, password=self.password).update(password=anew):
            self.password = anew

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
