"""Shapes of the login conversation."""

from __future__ import annotations

import unicodedata
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from qhse.accounts.passwords import MAX_PASSWORD_LENGTH, prepared
from qhse.accounts.roles import Role
from qhse.accounts.services.tokens import MAX_TOKEN_LENGTH
from qhse.accounts.usernames import MAX_LENGTH
from qhse.api.fields import TextField
from qhse.api.viewsets import StrictSerializer


class _FoldedField(TextField):
    """A text whose length is judged as it will be compared. Decomposed letters shrink to it."""

    longest = 0

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=4 * self.longest, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if len(self.folded(text)) > self.longest:
            self.fail("max_length", max_length=self.longest)
        return text

    def folded(self, text: str) -> str:
        raise NotImplementedError


@extend_schema_field({"type": "string", "minLength": 1, "maxLength": MAX_LENGTH})
class UsernameField(_FoldedField):
    longest = MAX_LENGTH

    def folded(self, text: str) -> str:
        return unicodedata.normalize("NFKC", text).strip()


@extend_schema_field({"type": "string", "minLength": 1, "maxLength": MAX_PASSWORD_LENGTH})
class PasswordField(_FoldedField):
    longest = MAX_PASSWORD_LENGTH

    def folded(self, text: str) -> str:
        return prepared(text)


class LoginSerializer(StrictSerializer):
    username = UsernameField(help_text="In any case and Unicode form.")
    password = PasswordField(trim_whitespace=False, style={"input_type": "password"})


class RefreshTokenSerializer(StrictSerializer):
    refresh_token = TextField(max_length=MAX_TOKEN_LENGTH)


class TokenPairSerializer(serializers.Serializer[Any]):
    access_token = serializers.CharField(help_text="Send it as `Authorization: Bearer <access_token>`.")
    refresh_token = serializers.CharField(help_text="Good for one POST /auth/refresh.")
    token_type = serializers.ChoiceField(choices=("bearer",))
    expires_in = serializers.IntegerField(help_text="Seconds until the access token expires.")
    role = serializers.ChoiceField(choices=Role.choices)


class MeSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    username = serializers.CharField()
    role = serializers.ChoiceField(choices=Role.choices)
    permissions = serializers.ListField(
        child=serializers.CharField(), help_text="What the role may do, as <route>:<action>."
    )
