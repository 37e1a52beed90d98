"""The OpenAPI document: error answers, role notes and the bearer scheme, added once for every operation."""

from __future__ import annotations

from typing import Any

from drf_spectacular.contrib.rest_framework_simplejwt import SimpleJWTScheme
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

from qhse.api.permissions import RolePermission


class InputErrorSerializer(serializers.Serializer[Any]):
    field = serializers.CharField(help_text="The body field or query parameter; dots lead into nested input.")
    code = serializers.CharField()
    detail = serializers.CharField()


class ProblemSerializer(serializers.Serializer[Any]):
    """An error by RFC 9457."""

    type = serializers.CharField(help_text="urn:qhse:problem:<code>")
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="What to change, in words.")
    code = serializers.CharField(help_text="What to switch on in a program.")
    request_id = serializers.CharField(help_text="Names this request in logs and in the audit log.")
    errors = InputErrorSerializer(many=True, required=False)


class BearerTokenScheme(SimpleJWTScheme):
    """The Authorize button of Swagger UI."""

    target_class = "qhse.api.authentication.BearerTokenAuthentication"


PROBLEM_MEDIA_TYPE = "application/problem+json"

_ALWAYS = {
    "400": "Malformed or invalid input",
    "503": "The database is away; Retry-After says when to ask again",
}
_WITH_TOKEN = {
    "401": "No token, a bad one, or a deactivated user",
    "403": "The user's role may not do this",
}
_WITH_ID = {"404": "No such record"}
_WITH_BODY = {"413": "The body is too large", "415": "The body is not application/json"}


def conflict(description: str) -> dict[Any, Any]:
    """Return the 409 of an operation that the state of a record can forbid, for `extend_schema(responses=…)`."""
    return {(409, PROBLEM_MEDIA_TYPE): OpenApiResponse(ProblemSerializer, description=description)}


class ProblemAutoSchema(AutoSchema):
    """Documents for every operation the refusals that it can answer with, and the roles that may use it."""

    def get_description(self) -> str:
        description = super().get_description()
        for permission in self.view.get_permissions():
            if isinstance(permission, RolePermission):
                roles = permission.table.get(getattr(self.view, "action", None) or "", frozenset())
                description += f"\n\n**Roles:** {', '.join(sorted(roles)) or 'none'}"
        return description.strip()

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        responses = super()._get_response_bodies(direction)
        for status, description in self._refusals().items():
            if status not in responses:
                answer = self._get_response_for_code(ProblemSerializer, status, [PROBLEM_MEDIA_TYPE], direction)
                responses[status] = answer | {"description": description}
        return dict(sorted(responses.items()))

    def _refusals(self) -> dict[str, str]:
        refusals = dict(_ALWAYS)
        if any(isinstance(permission, RolePermission) for permission in self.view.get_permissions()):
            refusals |= _WITH_TOKEN
        if "{" in self.path:
            refusals |= _WITH_ID
        if self.method in ("POST", "PATCH"):
            refusals |= _WITH_BODY
        return refusals
