"""Users in the admin, for administrators; every write goes through the services, nobody is deleted."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.http import HttpRequest
from django.utils.safestring import SafeString
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from audit.history import HistoryPanel
from qhse.accounts.api.serializers import MAX_PASSWORD_LENGTH
from qhse.accounts.models import User
from qhse.accounts.permissions import USER_ROLES
from qhse.accounts.services import CHANGEABLE, change_user, create_user, set_password
from qhse.adminsite.base import badge
from qhse.adminsite.forms import ServiceForm

# Rights come from roles alone, and tokens are no page: their registrations by others are taken back.
for model in (Group, OutstandingToken, BlacklistedToken):
    if admin.site.is_registered(model):
        admin.site.unregister(model)


def _password_field(*, required: bool, help_text: str) -> forms.CharField:
    return forms.CharField(
        required=required,
        strip=False,
        max_length=MAX_PASSWORD_LENGTH,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=help_text,
    )


class UserAddForm(ServiceForm):
    password = _password_field(required=True, help_text="At least 12 characters, not a common one.")

    class Meta:
        model = User
        fields = ("username", "role", "is_staff", "email")

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        validate_password(password)
        return password

    def write(self) -> User:
        return create_user(**self.cleaned_data, actor=self.actor)


class UserChangeForm(ServiceForm):
    new_password = _password_field(required=False, help_text="Leave empty to keep the present one.")
    reason = forms.CharField(required=False, max_length=2000, help_text="Kept in the audit trail.")

    class Meta:
        model = User
        fields = CHANGEABLE

    def clean_new_password(self) -> str:
        password: str = self.cleaned_data["new_password"]
        if password:
            validate_password(password, self.instance)
        return password

    def write(self) -> User:
        changes = {name: self.cleaned_data[name] for name in CHANGEABLE}
        user = change_user(
            user_id=self.instance.pk, actor=self.actor, changes=changes, reason=self.cleaned_data["reason"]
        )
        if self.cleaned_data["new_password"]:
            user = set_password(user_id=user.pk, password=self.cleaned_data["new_password"], actor=self.actor)
        return user


@admin.register(User)
class UserAdmin(HistoryPanel):
    roles = USER_ROLES
    change_action = "change"
    entity_type = "user"
    add_form = UserAddForm
    change_form = UserChangeForm
    list_display = ("username", "role", "active", "is_staff", "email", "last_login")
    list_filter = ("role", "is_active", "is_staff")
    search_fields = ("username", "email", "first_name", "last_name")
    ordering = ("username",)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        return ("username", "last_login", "date_joined") if obj else ()

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        if obj is None:
            return ((None, {"fields": ("username", "role", "is_staff", "email", "password")}),)
        return (
            (None, {"fields": ("username", "role", "is_active", "is_staff", "reason")}),
            ("Person", {"fields": ("first_name", "last_name", "email")}),
            ("Login", {"fields": ("new_password", "last_login", "date_joined")}),
        )

    @admin.display(description="active", ordering="is_active")
    def active(self, user: User) -> SafeString:
        return badge("active", "good") if user.is_active else badge("deactivated", "mute")
