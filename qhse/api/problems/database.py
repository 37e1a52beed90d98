"""What the database refuses, or cannot do now, as problem documents. Every constraint has a 4xx."""

from __future__ import annotations

import logging
import re
from http import HTTPStatus

from django.apps import apps
from django.db import DataError, IntegrityError, InterfaceError, InternalError, OperationalError, connection
from django.db.models import BaseConstraint
from django.http import HttpResponse

from qhse.api.problems.document import problem
from qhse.database import SqlState, is_out_of_step, sqlstate

logger = logging.getLogger("qhse.api")

RETRY_AFTER_SECONDS = 2
# PostgreSQL says so of a transaction that it has rolled back, or never began.
_NOTHING_HAPPENED = frozenset(
    {
        SqlState.DEADLOCK,
        SqlState.SERIALIZATION_FAILURE,
        SqlState.LOCK_NOT_AVAILABLE,
        SqlState.QUERY_CANCELED,
        SqlState.IDLE_IN_TRANSACTION_TIMEOUT,
        SqlState.READ_ONLY_TRANSACTION,
        SqlState.DISK_FULL,
        SqlState.TOO_MANY_CONNECTIONS,
    }
)
_SQLITE_CHECK = re.compile(r"CHECK constraint failed: (\w+)")


def database_problem(exc: Exception) -> HttpResponse | None:
    """Return the answer to an exception of the database. None for what is a defect of ours."""
    if isinstance(exc, OperationalError | InterfaceError) or _is_read_only(exc) or is_out_of_step(exc):
        return _unavailable(exc)
    if isinstance(exc, IntegrityError):
        return _constraint_problem(exc)
    if isinstance(exc, DataError):
        logger.warning("data refused by the database", exc_info=exc)
        return problem(status=400, code="invalid", detail="A value is outside of what can be stored.")
    return None


def _unavailable(exc: Exception) -> HttpResponse:
    logger.error("database unavailable", exc_info=exc)
    # A session stays what its server was when it began, and out of step if it is; the next one begins anew.
    if (sqlstate(exc) == SqlState.READ_ONLY_TRANSACTION or is_out_of_step(exc)) and not connection.in_atomic_block:
        connection.close()
    if sqlstate(exc) in _NOTHING_HAPPENED:
        detail = "The database could not do it now. Nothing has been changed; ask again."
    else:
        # The line may have broken after the commit: nobody on this side can tell.
        detail = "The database did not answer in time. The write may have happened: look, or repeat it with its key."
    return problem(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        code="database_unavailable",
        detail=detail,
        headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
    )


def _constraint_problem(exc: IntegrityError) -> HttpResponse:
    """
    Answer with the words that the constraint itself carries.

    Services translate what their callers can do something about. This is the net under them, for every constraint.
    """
    logger.warning("constraint violated", exc_info=exc)
    constraint = constraint_named(_constraint_name(exc))
    code, detail = "constraint_violated", "The change would violate a rule of the database."
    if constraint is not None:
        code, detail = constraint.name, str(constraint.violation_error_message)
    elif sqlstate(exc) == SqlState.FOREIGN_KEY_VIOLATION:
        code, detail = "reference_violated", "The change names a record that does not exist, or that is still named."
    return problem(status=HTTPStatus.CONFLICT, code=code, detail=detail)


def constraint_named(name: str) -> BaseConstraint | None:
    """Return the constraint that a model declares under this name."""
    for model in apps.get_models():
        for constraint in model._meta.constraints:
            if constraint.name == name:
                return constraint
    return None


def _constraint_name(exc: Exception) -> str:
    diagnostics = getattr(exc.__cause__, "diag", None)
    if diagnostics is not None:
        return diagnostics.constraint_name or ""
    match = _SQLITE_CHECK.search(str(exc))
    return match[1] if match else ""


def _is_read_only(exc: Exception) -> bool:
    """Recognise a server that has become a standby. Django files it under internal errors."""
    return isinstance(exc, InternalError) and sqlstate(exc) == SqlState.READ_ONLY_TRANSACTION
