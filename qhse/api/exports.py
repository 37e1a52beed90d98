"""Lists of the API as files: the columns and rows that a list's answers have."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request

from qhse.exporting.cells import Column, Kind, Row
from qhse.exporting.exports import Export, in_order

_KINDS: dict[type[serializers.Field[Any, Any, Any, Any]], Kind] = {
    serializers.DateField: Kind.DAY,
    serializers.DateTimeField: Kind.MOMENT,
    serializers.DecimalField: Kind.NUMBER,
}


def export_of(view: Any, chosen: Any) -> Export:
    """
    Return the list that a view was asked for, as far as its filters choose, with all columns of its answers.

    What an answer nests has dots in its name: `metadata.source`. What has no fixed fields, or is a list, is JSON.
    """
    request: Request = view.request
    serializer = view.get_serializer()
    columns = list(_columns(serializer))
    take = _taker([column.name for column in columns])
    base = view.get_queryset()
    # The timelines have the key of their record in the path.
    name = request.path_info.strip("/")

    def rows_of(keys: Sequence[int], using: str) -> list[Row]:
        return [take(serializer.to_representation(record)) for record in in_order(keys, base.using(using))]

    return Export(
        name=name,
        title=name.replace("/", " "),
        columns=columns,
        chosen=chosen,
        rows_of=rows_of,
        may_read_replica=view.may_read_replica,
        filter=dict(request.query_params.items()),
    )


def refuse_page(request: Request, parameters: Sequence[str]) -> None:
    """Raise a 400 for what makes a page: half of a list would look like the whole of it."""
    text = ErrorDetail("An export is the whole list, from its first row on. Leave it out.", code="not_in_an_export")
    problems = {name: [text] for name in parameters if name in request.query_params}
    if problems:
        raise ValidationError(problems)


def _columns(serializer: Any, prefix: str = "") -> Iterator[Column]:
    for name, field in serializer.fields.items():
        if isinstance(field, serializers.Serializer):
            yield from _columns(field, f"{prefix}{name}.")
        else:
            yield Column(f"{prefix}{name}", _KINDS.get(type(field), Kind.PLAIN))


def _taker(names: Sequence[str]) -> Callable[[dict[str, Any]], Row]:
    """Return what takes the values of these columns out of an answer."""
    if not any("." in name for name in names):
        return lambda answer: [answer[name] for name in names]
    paths = [name.split(".") for name in names]

    def take(answer: dict[str, Any]) -> Row:
        return [_at(answer, path) for path in paths]

    return take


def _at(answer: Any, path: list[str]) -> Any:
    for name in path:
        answer = None if answer is None else answer[name]
    return answer
