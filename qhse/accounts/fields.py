"""The columns of a user's name, and the input of a form that fills them. The rules are those of `usernames`."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models

from qhse.accounts.usernames import UsernameRefused, normalise_username, username_key


class UsernameInput(forms.CharField):
    """
    Reads a name as it will be stored, and refuses what the rules refuse, in their words.

    It bounds no length itself, and leaves white space to the rules. What was typed may be longer than the name is.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options | {"max_length": None, "strip": False})

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        return _as_stored(text) if text else text


class UsernameField(models.CharField):
    """A user's name. Whoever validates a user hears the same rules as from the services."""

    def clean(self, value: Any, model_instance: models.Model | None) -> Any:
        return super().clean(value if value in self.empty_values else _as_stored(value), model_instance)

    def formfield(self, **options: Any) -> Any:
        return super().formfield(**{"form_class": UsernameInput} | options)

    def deconstruct(self) -> Any:
        """Be a plain column to migrations, which must not change with this class."""
        name, _, arguments, options = super().deconstruct()
        return name, "django.db.models.CharField", arguments, options


class UsernameKeyField(models.CharField):
    """The key of the user's name. It is computed whenever a row is written, so that no writer can forget it."""

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        key = username_key(model_instance.username)  # type: ignore[attr-defined]
        setattr(model_instance, self.attname, key)
        return key

    def deconstruct(self) -> Any:
        """Be a plain column to migrations, which must not change with this class."""
        name, _, arguments, options = super().deconstruct()
        return name, "django.db.models.CharField", arguments, options


def _as_stored(name: str) -> str:
    try:
        return normalise_username(name)
    except UsernameRefused as refusal:
        raise ValidationError(str(refusal), code="invalid") from None
