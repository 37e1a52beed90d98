"""The base of all API views. A query is as closed as a body."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from copy import copy
from typing import Any
from urllib.parse import unquote_to_bytes

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.viewsets import GenericViewSet

from qhse.api.exports import export_of, refuse_page
from qhse.api.preconditions import refuse_condition
from qhse.api.requests.negotiation import export_form
from qhse.api.writes import WRITING_METHODS
from qhse.exporting.exports import Form, as_answer

MAX_UNKNOWN_LISTED = 20  # of a megabyte of unknown fields; each costs more bytes in the answer than it did in the body


def _is_utf8(query: str) -> bool:
    """Answer whether a query string, as WSGI gives it, is text. Django reads broken bytes as U+FFFD and goes on."""
    try:
        unquote_to_bytes(query.encode("latin-1")).decode()
    except UnicodeDecodeError:
        return False
    return True


class StrictSerializer(serializers.Serializer[Any]):
    """
    A plain serializer that refuses unknown fields.

    Ignoring them would store half of what a misspelt request meant. It would also hide attempts at mass assignment.
    """

    default_error_messages = {"invalid": "Must be a JSON object."}

    def get_fields(self) -> dict[str, Any]:
        """
        Return the declared fields, each a copy that is bound here and shares what it was declared with.

        DRF makes each anew from deep copies of its arguments, choices included: 0.24 ms of each case that is recorded.
        A request changes none of them.
        """
        return {name: copy(field) for name, field in self._declared_fields.items()}

    def to_internal_value(self, data: Any) -> Any:
        unknown = sorted(set(data) - set(self.fields)) if isinstance(data, dict) else []
        problems: dict[str, Any] = {}
        if unknown:
            known = ", ".join(name for name, field in self.fields.items() if not field.read_only) or "none"
            text = ErrorDetail(f"Unknown field. Known: {known}.", code="unknown_field")
            problems = {name[:64]: [text] for name in unknown[:MAX_UNKNOWN_LISTED]}
        try:
            accepted = super().to_internal_value(data)
        except ValidationError as error:
            problems |= error.detail if isinstance(error.detail, dict) else {}
        if problems:
            raise ValidationError(problems)
        return accepted


class NothingSerializer(StrictSerializer):
    """The body of a write that takes none: absent, or an empty object."""


class StrictQueryMixin:
    """
    For a view of DRF's: refuses query parameters that are unknown, repeated, empty, badly encoded, or hold a NUL.

    Known are those in `query_parameters`. An empty value would be no filter at all, which is not what its sender
    believes. Where it is one, as a part of a name, the view lists it in `may_be_empty`.
    """

    query_parameters: Collection[str] = ()
    may_be_empty: Collection[str] = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
        self.refuse_query(request)

    def _known_query_parameters(self) -> set[str]:
        return set(self.query_parameters)

    def refuse_query(self, request: Request) -> None:
        known = self._known_query_parameters()
        problems = {}
        for name, values in request.query_params.lists():
            if name not in known:
                listed = ", ".join(sorted(known)) or "none"
                text = ErrorDetail(f"Unknown query parameter. Known: {listed}.", code="unknown_parameter")
                problems[name[:64] or "query"] = [text]
                if len(problems) == MAX_UNKNOWN_LISTED:
                    break
            elif len(values) > 1:
                problems[name] = [ErrorDetail("Given more than once.", code="repeated_parameter")]
            elif not values[0] and name not in self.may_be_empty:
                problems[name] = [ErrorDetail("Is empty; leave it out.", code="empty_parameter")]
            elif "\ufffd" in values[0] and not _is_utf8(request.META.get("QUERY_STRING", "")):
                problems[name] = [ErrorDetail("Is not UTF-8.", code="invalid_encoding")]
            elif "\0" in values[0]:  # Python's own reading of a moment passes over one at its end
                problems[name] = [ErrorDetail("Null characters are not allowed.", code="null_characters_not_allowed")]
        if problems:
            raise ValidationError(problems)


class ApiViewSet(StrictQueryMixin, GenericViewSet[Any]):
    """
    A viewset with a closed query. Lists also know the parameters of their filterset and paginator.

    Every list is exported too, where `Accept` names a form: as it is filtered, and whole. An export takes the place of
    the page. So a list whose view checks more before it is filtered checks the same for both.

    Each writing action is declared `@repeatable` where it is written, unless its answer is a secret: see `writes`.
    """

    honours_if_match: Collection[str] = ()  # actions on a record that has an ETag; elsewhere If-Match is refused
    # What every record of the list is like. It is put into `queryset` here. What else narrows that was asked for.
    always: Mapping[str, Any] = {}
    has_etag: Collection[str] = ()  # actions whose answer carries the record's ETag
    # Without OPTIONS: DRF would describe the serializers there; /openapi.json does that, for everybody alike.
    http_method_names = ["get", "head", "post", "put", "patch"]

    may_read_replica = False  # declared by inheriting ReplicaListMixin
    export_as: Form | None = None
    chosen: Any = None  # of an export: the list as it is filtered and ordered

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own = {"always", "queryset"} & set(cls.__dict__)
        if cls.always and own == {"always"}:
            raise TypeError(f"{cls.__name__} says what is always so, and must say of which queryset")
        if cls.always and own:  # once: at each request it cost a twentieth of a page
            cls.queryset = cls.queryset.filter(**cls.always)  # type: ignore[union-attr]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if self.action == "list" and self.paginator is not None:
            self.export_as = export_form(request.headers.get("Accept", ""))
        super().initial(request, *args, **kwargs)
        if request.method in WRITING_METHODS and self.action not in self.honours_if_match:
            refuse_condition(request)

    def refuse_query(self, request: Request) -> None:
        super().refuse_query(request)
        if self.export_as is not None:
            refuse_page(request, tuple(getattr(self.paginator, "query_parameters", ())))

    def paginate_queryset(self, queryset: Any) -> Any:
        if self.export_as is None:
            return super().paginate_queryset(queryset)
        self.chosen = queryset
        return []

    def get_paginated_response(self, data: Any) -> Any:
        if self.export_as is None:
            page = super().get_paginated_response(data)
            page["Vary"] = "Accept"
            return page
        return as_answer(self.request, export_of(self, self.chosen), self.export_as)

    def _known_query_parameters(self) -> set[str]:
        known = super()._known_query_parameters()
        if self.action == "list":
            known |= set(getattr(self.paginator, "query_parameters", ()))
            filterset = getattr(self, "filterset_class", None)
            known |= set(filterset.base_filters) if filterset else set()
        return known

    def validated(self, serializer_class: type[serializers.Serializer[Any]]) -> dict[str, Any]:
        """Return the checked body of the request. Raises the 400 that lists what is wrong with it."""
        serializer = serializer_class(data=self.request.data, context=self.get_serializer_context())
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data  # type: ignore[no-any-return]
