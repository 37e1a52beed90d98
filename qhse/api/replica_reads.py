"""Answers that may be read on the replica."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from qhse.replica.reading import Reader
from qhse.replica.router import PRIMARY

AS_OF_HEADER = "X-QHSE-As-Of"


class ReplicaListMixin(ListModelMixin):
    """
    A list, of whose pages nothing is written again: no row of it bears an ETag. `qhse.replica` says where it is read.

    What its filters look up elsewhere they ask of the primary.
    """

    may_read_replica = True
    using = PRIMARY
    export_as: Any

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        if self.export_as is not None:
            return super().list(request, *args, **kwargs)  # an export has a reader of its own

        def page(using: str) -> Response:
            self.using = using
            view: Any = self
            rows = view.paginate_queryset(view.filter_queryset(view.get_queryset()))
            # One serializer for all rows. DRF's list of them makes three, which cost a fortieth of a page.
            shown = view.get_serializer().to_representation
            answer: Response = view.get_paginated_response([shown(row) for row in rows])
            return answer

        reader = Reader(request.user)
        answer: Response = dated(reader.read(page), reader)
        return answer

    def get_queryset(self) -> Any:
        queryset = super().get_queryset()  # type: ignore[misc]
        return queryset if self.using == PRIMARY else queryset.using(self.using)


def dated(response: Any, reader: Reader) -> Any:
    """Say in an answer of the replica until when all that was committed is in it."""
    if reader.as_of is not None:
        response[AS_OF_HEADER] = f"{reader.as_of.astimezone(UTC).isoformat()[:-6]}Z"
    return response
