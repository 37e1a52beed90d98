"""`/auth`: login, refresh, logout, who am I."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from qhse.accounts.api.serializers import (
    LoginSerializer,
    MeSerializer,
    RefreshTokenSerializer,
    TokenPairSerializer,
)
from qhse.accounts.models import User
from qhse.accounts.permissions import SessionPermission
from qhse.accounts.services.login import log_in
from qhse.accounts.services.tokens import TokenPair, revoke_tokens, rotate_tokens
from qhse.api.openapi.routes import granted_permissions
from qhse.api.openapi.schema import PROBLEM_MEDIA_TYPE, ProblemSerializer
from qhse.api.viewsets import ApiViewSet

REFRESH_TOKEN_EXAMPLE = OpenApiExample(
    "The token of the last answer", value={"refresh_token": "eyJhbGciOiJIUzI1NiIs…"}, request_only=True
)
UNAUTHORIZED = {
    (401, PROBLEM_MEDIA_TYPE): OpenApiResponse(
        ProblemSerializer, description="Wrong credentials or token; one wording for every cause"
    )
}

BLOCKED = {
    (429, PROBLEM_MEDIA_TYPE): OpenApiResponse(
        ProblemSerializer, description="Too many failed logins; Retry-After says how many seconds to wait"
    )
}


@extend_schema(tags=["auth"])
class TokenViewSet(ApiViewSet):
    """Public: whoever calls these has no valid access token yet, or no longer."""

    # None of the actions is `@repeatable`: their answers are secrets, which must not be kept.

    permission_classes = [AllowAny]
    authentication_classes = []
    pagination_class = None
    filter_backends = []

    @extend_schema(
        summary="Log in",
        request=LoginSerializer,
        responses={200: TokenPairSerializer, **UNAUTHORIZED, **BLOCKED},
        examples=[
            OpenApiExample("A demo user", value={"username": "quality", "password": "quality"}, request_only=True)
        ],
    )
    def login(self, request: Request) -> Response:
        return _answer(log_in(**self.validated(LoginSerializer)))

    @extend_schema(
        summary="Spend a refresh token for a new pair",
        request=RefreshTokenSerializer,
        responses={200: TokenPairSerializer, **UNAUTHORIZED},
        examples=[REFRESH_TOKEN_EXAMPLE],
    )
    def refresh(self, request: Request) -> Response:
        """Each refresh token is good for one use; using a spent one ends the login that it came from."""
        return _answer(rotate_tokens(self.validated(RefreshTokenSerializer)["refresh_token"]))

    @extend_schema(
        summary="Log out",
        request=RefreshTokenSerializer,
        responses={204: OpenApiResponse(description="The login has ended"), **UNAUTHORIZED},
        examples=[REFRESH_TOKEN_EXAMPLE],
    )
    def logout(self, request: Request) -> Response:
        """No token of this login opens anything any more, access tokens included."""
        revoke_tokens(self.validated(RefreshTokenSerializer)["refresh_token"])
        return Response(status=status.HTTP_204_NO_CONTENT)


@extend_schema(tags=["auth"])
class SessionViewSet(ApiViewSet):
    permission_classes = [SessionPermission]
    pagination_class = None
    filter_backends = []

    @extend_schema(summary="Who am I, and what may I do?", responses=MeSerializer)
    def me(self, request: Request) -> Response:
        user = request.user
        assert isinstance(user, User)
        return Response(
            {
                "id": user.pk,
                "username": user.username,
                "role": user.role,
                "permissions": granted_permissions(user),
            }
        )


def _answer(pair: TokenPair) -> Response:
    response = Response(
        {
            "access_token": pair.access_token,
            "refresh_token": pair.refresh_token,
            "token_type": "bearer",
            "expires_in": pair.expires_in,
            "role": pair.role,
        }
    )
    response["Cache-Control"] = "no-store"
    return response
