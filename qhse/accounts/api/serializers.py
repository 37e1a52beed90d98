"""Shapes of the login conversation."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from qhse.accounts.passwords import MAX_PASSWORD_LENGTH
from qhse.accounts.roles import Role
from qhse.accounts.services.tokens import MAX_TOKEN_LENGTH
from qhse.api.fields import TextField
from qhse.api.viewsets import StrictSerializer


class LoginSerializer(StrictSerializer):
    username = TextField(max_length=150)
    password = TextField(max_length=MAX_PASSWORD_LENGTH, trim_whitespace=False, style={"input_type": "password"})


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
