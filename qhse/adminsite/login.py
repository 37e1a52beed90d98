"""The forms of the admin's login and of one's own new password: limited and audited as the API's login."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.admin.forms import AdminAuthenticationForm, AdminPasswordChangeForm
from django.contrib.auth.views import PasswordChangeView
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse

from qhse.accounts.errors import CredentialsAreInvalid, LoginIsBlocked
from qhse.accounts.models import User
from qhse.accounts.passwords import MAX_TYPED, MaximumLengthValidator
from qhse.accounts.services.login import prove_identity
from qhse.accounts.services.users import set_password
from qhse.adminsite.once import PASSWORDS_AGAIN, held_back


def _may_enter(user: User) -> bool:
    return user.is_staff


def _bound_length(field: forms.Field) -> None:
    field.max_length = MAX_TYPED  # type: ignore[attr-defined]
    field.validators.append(MaximumLengthValidator().validate)


def _blocked(refusal: LoginIsBlocked) -> ValidationError:
    return ValidationError(f"Too many failed logins. Try again in {refusal.retry_after} s.", code="blocked")


class LoginForm(AdminAuthenticationForm):
    """Logs in by `prove_identity`: with the limits, counters and audit entries of the API."""

    blocked_seconds: int | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _bound_length(self.fields["password"])

    def clean(self) -> dict[str, Any]:
        name, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if name is not None and password:
            try:
                self.user_cache = prove_identity(username=name, password=password, may_enter=_may_enter)
            except LoginIsBlocked as refusal:
                self.blocked_seconds = refusal.retry_after
                raise _blocked(refusal) from None
            except CredentialsAreInvalid:
                raise self.get_invalid_login_error() from None
        return self.cleaned_data


class OwnPasswordForm(AdminPasswordChangeForm):
    """
    Changes one's own password by the service, which leaves an audit entry. Django's form would save it alone.

    The old password is proven as in a login, with its limits and counters. A session left open is no place to guess at
    it.
    """

    blocked_seconds: int | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _bound_length(self.fields["old_password"])

    def clean_old_password(self) -> str:
        password: str = self.cleaned_data["old_password"]
        try:
            prove_identity(
                username=self.user.username, password=password, may_enter=_may_enter, purpose="to change the password"
            )
        except LoginIsBlocked as refusal:
            self.blocked_seconds = refusal.retry_after
            raise _blocked(refusal) from None
        except CredentialsAreInvalid:
            raise ValidationError(self.error_messages["password_incorrect"], code="password_incorrect") from None
        return password

    def save(self, commit: bool = True) -> Any:
        self.user = set_password(user_id=self.user.pk, password=self.cleaned_data["new_password1"], actor=self.user)
        return self.user


class OwnPasswordPage(PasswordChangeView):
    """Django's page with our form. A POST that must store nothing gets it back empty, and no password is looked at."""

    form_class = OwnPasswordForm
    template_name = "registration/password_change_form.html"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if why := held_back(request):
            form, notice = OwnPasswordForm(request.user), f"{why} {PASSWORDS_AGAIN}"
            return self.render_to_response(self.get_context_data(form=form, notice=notice))
        return super().post(request, *args, **kwargs)
