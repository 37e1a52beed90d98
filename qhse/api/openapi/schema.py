"""The OpenAPI document. Error answers, role notes and the bearer scheme are added to every operation."""

from __future__ import annotations

from typing import Any

from drf_spectacular.contrib.rest_framework_simplejwt import SimpleJWTScheme
from drf_spectacular.extensions import OpenApiViewExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import get_doc
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers

from qhse.api.fields import TextField
from qhse.api.filters import NO_NUL
from qhse.api.permissions import RolePermission
from qhse.api.preconditions import IF_MATCH
from qhse.api.viewsets import StrictSerializer
from qhse.api.writes import KEY_HEADER, KEY_PATTERN, REPLAYED_HEADER, WRITING_METHODS, is_repeatable
from qhse.exporting.exports import CSV_TYPE, XLSX_TYPE


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
    errors = InputErrorSerializer(many=True, required=False)  # type: ignore[assignment]
    existing_id = serializers.IntegerField(
        required=False, help_text="The id of the record that has what must be unique: the supplier of that name."
    )


class BearerTokenScheme(SimpleJWTScheme):
    """The Authorize button of Swagger UI."""

    target_class = "qhse.api.authentication.BearerTokenAuthentication"


class SchemaViewDescription(OpenApiViewExtension):
    """Describes the route of the document itself. Its view is the library's."""

    target_class = "qhse.api.openapi.views.OpenApiView"

    def view_replacement(self) -> Any:
        class SchemaView(self.target_class):  # type: ignore[name-defined]
            """OpenAPI 3.1. `/docs` shows it to people."""

            @extend_schema(
                operation_id="openapi_document",
                tags=["operations"],
                summary="This document",
                responses={(200, "application/vnd.oai.openapi+json"): OpenApiTypes.OBJECT},
            )
            def get(self, request: Any) -> Any: ...

        return SchemaView


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
_WITH_BODY = {
    "408": "The body did not arrive whole and in time",
    "413": "The body is too large",
    "415": "The body is not application/json",
}
_EXPORTED = {
    "406": "The list has more rows than the form that Accept names can hold",
    "429": "Another export is running; Retry-After says when to ask again",
}
_WRITING = {"412": "If-Match names another version than the present one, or the route has none"}
_REPEATABLE = {
    "409": "The state of the record forbids it, or a request with this Idempotency-Key has not ended",
    "422": "The Idempotency-Key belongs to a request with another body",
}
_IDEMPOTENCY_KEY = OpenApiParameter(
    KEY_HEADER,
    {"type": "string", "pattern": f"^{KEY_PATTERN}$"},
    OpenApiParameter.HEADER,
    description="Makes the write repeatable: the same key, path and body give the first answer again.",
)
_REPLAYED = OpenApiParameter(
    REPLAYED_HEADER,
    {"type": "string", "enum": ["true"]},
    OpenApiParameter.HEADER,
    description="Present when this is the answer to an earlier request with the same Idempotency-Key.",
    response=[200, 201],
)
_IF_MATCH = OpenApiParameter(
    IF_MATCH,
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="The ETag of the version that the change is based on; 412 when it is not the present one.",
)
_ETAG = OpenApiParameter(
    "ETag",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="Names this version of the record: what people change in it, not what is counted or concluded.",
    response=[200, 201],
)


def conflict(description: str) -> dict[Any, Any]:
    """Return the 409 of an operation that the state of a record can forbid, for `extend_schema(responses=…)`."""
    return {(409, PROBLEM_MEDIA_TYPE): OpenApiResponse(ProblemSerializer, description=description)}


def example(body: dict[str, Any], name: str = "An example") -> OpenApiExample:
    """Return the example of a body, for `extend_schema(examples=…)`."""
    return OpenApiExample(name, value=body, request_only=True)


class ProblemAutoSchema(AutoSchema):
    """Documents for every operation the refusals it can answer with, and the roles that may use it."""

    def get_description(self) -> str:  # type: ignore[override]
        description: str = super().get_description()
        # A docstring inherited from a base class is about the code, not about this route.
        inherited = not vars(type(self.view)).get("__doc__") and description == get_doc(type(self.view))
        return "" if inherited else description

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        operation = super().get_operation(*args, **kwargs)
        if operation is not None:
            described = f"{operation.get('description', '')}\n\n{self._role_note()}"
            operation["description"] = described.strip()
            for parameter in operation.get("parameters", ()):
                if parameter["schema"].get("type") == "array":
                    parameter["schema"] |= {"minItems": 1, "uniqueItems": True}
        return operation

    def get_override_parameters(self) -> list[Any]:
        parameters = list(super().get_override_parameters())
        action = getattr(self.view, "action", None)
        if self._is_repeatable():
            parameters += [_IDEMPOTENCY_KEY, _REPLAYED]
        if action in getattr(self.view, "honours_if_match", ()):
            parameters.append(_IF_MATCH)
        if action in getattr(self.view, "has_etag", ()):
            parameters.append(_ETAG)
        return parameters

    def _is_repeatable(self) -> bool:
        return self.method in WRITING_METHODS and is_repeatable(self.view)

    def _role_note(self) -> str:
        for permission in self.view.get_permissions():
            if isinstance(permission, RolePermission):
                roles = permission.table.get(getattr(self.view, "action", None) or "", frozenset())
                return f"**Roles:** {', '.join(sorted(roles)) or 'none'}"
        return "**Public:** needs no token"

    def _get_request_for_media_type(self, serializer: Any, direction: Any = "request") -> Any:
        # The library takes the body of a PATCH for part of a record and calls every field optional; ours are
        # commands, with the same rules under every method.
        method, self.method = self.method, "POST"
        try:
            return super()._get_request_for_media_type(serializer, direction)
        finally:
            self.method = method

    def _map_serializer_field(self, field: Any, direction: Any, bypass_extensions: bool = False) -> Any:
        schema = super()._map_serializer_field(field, direction, bypass_extensions)
        return {"pattern": NO_NUL, **schema} if isinstance(field, TextField) else schema

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> Any:
        schema = super()._map_basic_serializer(serializer, direction)
        if isinstance(serializer, StrictSerializer):
            schema["additionalProperties"] = False
        if not type(serializer).__doc__:  # what a base class says is about the code
            schema.pop("description", None)
        return schema

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        responses = super()._get_response_bodies(direction)
        if self._is_exported():
            success = responses["200"]["content"]
            success |= {
                CSV_TYPE: {"schema": {"type": "string"}},
                XLSX_TYPE: {"schema": {"type": "string", "format": "binary"}},
            }
        for status, description in self._refusals().items():
            if status not in responses:
                answer = self._get_response_for_code(ProblemSerializer, status, [PROBLEM_MEDIA_TYPE], direction)
                responses[status] = answer | {"description": description}
        return dict(sorted(responses.items()))

    def _is_exported(self) -> bool:
        """Answer whether this is a list, which `Accept` can ask for as a file."""
        return getattr(self.view, "action", None) == "list" and getattr(self.view, "paginator", None) is not None

    def _refusals(self) -> dict[str, str]:
        refusals = dict(_ALWAYS)
        if self._is_exported():
            refusals |= _EXPORTED
        if any(isinstance(permission, RolePermission) for permission in self.view.get_permissions()):
            refusals |= _WITH_TOKEN
        if "{" in self.path:
            refusals |= _WITH_ID
        if self.method in WRITING_METHODS:
            refusals |= _WITH_BODY | _WRITING
        if self._is_repeatable():
            refusals |= _REPEATABLE
        return refusals
