"""Leaves an audit entry of what a person's role did not allow."""

from __future__ import annotations

import logging
from typing import Any

from django.db import DatabaseError, InterfaceError, transaction
from django.http import HttpRequest
from rest_framework.request import Request

from audit.services import record

logger = logging.getLogger("qhse.api")

_MAX_PATH = 200  # characters


def note_refusal(request: HttpRequest | Request) -> None:
    """
    Record ACCESS_DENIED with user, route and address, in a transaction of its own.

    If the database is away the refusal stays the answer, and the log alone has it.
    """
    user: Any = request.user
    if not user.is_authenticated:
        return
    route = request.resolver_match.route if request.resolver_match else ""
    try:
        with transaction.atomic():
            record(
                actor=user,
                action="ACCESS_DENIED",
                entity_type="route",
                entity_id=f"/{route}"[:64],
                changes={},
                reason=f"{request.method} {request.path_info[:_MAX_PATH]}",
                with_address=True,
            )
    except (DatabaseError, InterfaceError):
        logger.exception("a refusal could not be recorded")
