"""Users in the admin, for administrators. Every write goes through the services; nobody is deleted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth import admin as _registers_groups  # noqa: F401
from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.safestring import SafeString

from audit.history import HistoryPanel
from qhse.accounts.models import User
from qhse.accounts.passwords import MAX_TYPED
from qhse.accounts.permissions import USER_ROLES
from qhse.accounts.services.users import CHANGEABLE, change_user, create_user, set_password
from qhse.adminsite.display import NONE, badge, moment
from qhse.adminsite.forms import ServiceForm, reason_field
from qhse.searching import MOST_FOUND, as_typed

REASON_NEEDED = ("role", "is_active", "is_staff")

# Rights come from roles alone: Django's registration, made by the import above, is taken back.
admin.site.unregister(Group)


def _password_field(*, required: bool, help_text: str) -> forms.CharField:
    return forms.CharField(
        required=required,
        strip=False,
        max_length=MAX_TYPED,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "class": "vTextField"}),
        help_text=help_text,
    )


class PasswordRulesForm(ServiceForm):
    """A form with a password. The rules of passwords compare it with the name."""

    ruled_field = ""

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        password = cleaned.get(self.ruled_field)
        if password:
            profile = {name: cleaned.get(name) or "" for name in ("username", "email", "first_name", "last_name")}
            profile["username"] = profile["username"] or self.instance.username
            try:
                validate_password(password, User(**profile))
            except ValidationError as refusal:
                self.add_error(self.ruled_field, refusal)
        return cleaned


class UserAddForm(PasswordRulesForm):
    ruled_field = "password"
    password = _password_field(required=True, help_text="At least 12 characters, not a common one.")

    class Meta:
        model = User
        fields = ("username", "role", "is_staff", "email")
        labels = {"is_staff": "May use this admin site"}
        help_texts = {"is_staff": "The role decides what may be seen and done in it."}

    def validate_unique(self) -> None:
        """Leave it to the service, which says who has the name, in whatever case and Unicode form."""

    def write(self) -> User:
        return create_user(**self.cleaned_data, actor=self.actor)


class UserChangeForm(PasswordRulesForm):
    ruled_field = "new_password"
    new_password = _password_field(required=False, help_text="Leave empty to keep the present one.")
    reason = reason_field(
        required=False, help_text="Required when rights change. Kept in the audit trail beside old and new values."
    )

    class Meta:
        model = User
        fields = CHANGEABLE
        labels = {"is_active": "Active", "is_staff": "May use this admin site"}
        help_texts = {
            "is_active": "Users are never deleted: without this, nobody can log in with the account any more.",
            "is_staff": "The role decides what may be seen and done in it.",
        }

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if not (self.errors.get("reason") or cleaned["reason"]) and set(self.changed_data) & set(REASON_NEEDED):
            self.add_error("reason", "Say why the rights of this user change.")
        return cleaned

    def write(self) -> User:
        changes = {name: self.cleaned_data[name] for name in CHANGEABLE}
        user = change_user(
            user_id=self.instance.pk,
            actor=self.actor,
            changes=changes,
            reason=self.cleaned_data["reason"],
            expected_versions=self.expected_versions,
        )
        if self.cleaned_data["new_password"]:
            user = set_password(user_id=user.pk, password=self.cleaned_data["new_password"], actor=self.actor)
        return user


@admin.register(User)
class UserAdmin(HistoryPanel):
    roles = USER_ROLES
    empty_list = "There are no users. Who may log in will stand here, each with a role. Administrators add them."
    menu_order = 50
    change_action = "change"
    entity_type = "user"
    add_form = UserAddForm
    change_form = UserChangeForm
    list_display = ("name", "role", "active", "is_staff", "email", "seen")
    list_filter = ("role", "is_active", "is_staff")
    search_fields = ("username", "email", "first_name", "last_name")
    search_columns = search_fields
    search_help_text = "Name or e-mail"
    ordering = ("name_order", "username_key")

    def ids_called(self, term: str) -> Iterable[str]:
        found = User.objects.filter(username__icontains=as_typed(term)) if as_typed(term) else User.objects.none()
        return [str(pk) for pk in found.values_list("pk", flat=True)[:MOST_FOUND]]

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        return ("seen", "joined") if obj else ()

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        if obj is None:
            return ((None, {"fields": ("username", "role", "is_staff", "email", "password")}),)
        return (
            ("Rights", {"fields": ("role", "is_active", "is_staff")}),
            ("Person", {"fields": ("first_name", "last_name", "email")}),
            ("Login", {"fields": ("new_password", "seen", "joined")}),
            (None, {"fields": ("reason",), "classes": ("act",)}),
        )

    @admin.display(description="username", ordering="name_order")
    def name(self, user: User) -> str:
        return user.username

    @admin.display(description="active", ordering="is_active")
    def active(self, user: User) -> SafeString:
        return badge("Active", "good") if user.is_active else badge("Deactivated", "mute")

    @admin.display(description="last admin login (UTC)", ordering="last_login")
    def seen(self, user: User) -> SafeString | str:
        return moment(user.last_login) if user.last_login else NONE

    @admin.display(description="recorded (UTC)")
    def joined(self, user: User) -> SafeString | str:
        return moment(user.date_joined)
