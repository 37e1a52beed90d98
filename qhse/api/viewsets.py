"""The base of all API views: what a query may contain is as closed as what a body may contain."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.viewsets import GenericViewSet


class StrictSerializer(serializers.Serializer[Any]):
    """
    A plain serializer that refuses unknown fields.

    Ignoring them would store half of what a misspelt request meant, and would hide attempts at mass assignment.
    """

    def to_internal_value(self, data: Any) -> Any:
        unknown = sorted(set(data) - set(self.fields)) if isinstance(data, dict) else []
        problems: dict[str, Any] = {}
        if unknown:
            known = ", ".join(name for name, field in self.fields.items() if not field.read_only) or "none"
            text = ErrorDetail(f"Unknown field. Known: {known}.", code="unknown_field")
            problems = {name[:64]: [text] for name in unknown}
        try:
            accepted = super().to_internal_value(data)
        except ValidationError as error:
            problems |= error.detail if isinstance(error.detail, dict) else {}
        if problems:
            raise ValidationError(problems)
        return accepted


class ApiViewSet(GenericViewSet[Any]):
    """
    A viewset that refuses query parameters which nobody declared, and repeated ones.

    Known are, for lists, the filterset's and the paginator's; a view adds others of its own in
    `query_parameters`.
    """

    query_parameters: Collection[str] = ()
    # Without OPTIONS: DRF would describe the serializers there; /openapi.json does that, for everybody alike.
    http_method_names = ["get", "head", "post", "patch"]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self._refuse_unknown_query(request)

    def _known_query_parameters(self) -> set[str]:
        known = set(self.query_parameters)
        if self.action == "list":
            known |= set(getattr(self.paginator, "query_parameters", ()))
            filterset = getattr(self, "filterset_class", None)
            known |= set(filterset.base_filters) if filterset else set()
        return known

    def _refuse_unknown_query(self, request: Request) -> None:
        known = self._known_query_parameters()
        problems = {}
        for name in request.query_params:
            if name not in known:
                listed = ", ".join(sorted(known)) or "none"
                problems[name[:64] or "query"] = [f"Unknown query parameter. Known: {listed}."]
            elif len(request.query_params.getlist(name)) > 1:
                problems[name] = ["Given more than once."]
        if problems:
            raise ValidationError(problems, code="unknown_parameter")

    def validated(self, serializer_class: type[serializers.Serializer[Any]]) -> dict[str, Any]:
        """Return the checked body of the request, or raise the 400 that lists what is wrong with it."""
        serializer = serializer_class(data=self.request.data, context=self.get_serializer_context())
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data  # type: ignore[no-any-return]
