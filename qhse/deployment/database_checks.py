"""What in the database would make a production installation only look safe."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import check_password
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, InterfaceError, connection
from django.db.backends.signals import connection_created

from qhse.accounts.models import User
from qhse.accounts.roles import Role
from qhse.deployment.connections import UnsafeDatabase

logger = logging.getLogger("qhse.api")

_LOOK_AGAIN = "look again at a database that was away at the start"
_DURABLE = {"fsync": ("on",), "full_page_writes": ("on",), "synchronous_commit": ("on", "remote_apply", "remote_write")}


@register(Tags.database)
def check_production_database(app_configs: Any, databases: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """
    Refuse demo users, whose passwords are their names, and a server that answers before it has stored.

    What cannot be asked yet, of a database that is away or not migrated, is no complaint: `migrate` runs this too.
    Raises UnsafeDatabase where each line is refused, in every environment.
    """
    if not databases:
        return []
    _demand_good_line()
    if not settings.PRODUCTION:
        return []
    return [*(_asked(_demo_users) or ()), *(_asked(_volatile_server) or ())]


def refuse_unsafe_database() -> None:
    """
    Raise ImproperlyConfigured with what is wrong. For the start of a server or a worker.

    Everywhere what each line is refused for is wrong, such as a pooler in transaction mode or an encoding that lacks
    characters; in production also what the checks find.

    A database that is away, or not migrated yet, does not stop the start. The process waits for it, as for any outage,
    and looks as soon as it answers. If something is wrong then, the outage goes on: each new connection is refused with
    UnsafeDatabase until somebody has put it right.
    """
    _demand_good_line()
    if not settings.PRODUCTION:
        return
    answers = [_asked(_demo_users), _asked(_volatile_server)]
    connection.close()
    if errors := [error for answer in answers for error in answer or ()]:
        raise ImproperlyConfigured(_in_one_line(errors))
    if None in answers:
        connection_created.connect(_look_again, dispatch_uid=_LOOK_AGAIN)


def _demand_good_line() -> None:
    try:
        if connection.vendor == "postgresql":
            connection.ensure_connection()
    except UnsafeDatabase:
        raise
    except (DatabaseError, InterfaceError):
        pass  # away


def _look_again(*, connection: Any, **kwargs: Any) -> None:
    """Ask a new connection what could not be asked at the start. Close it when the answer is bad."""
    answers = [_asked(_demo_users), _asked(_volatile_server)]
    errors = [error for answer in answers for error in answer or ()]
    if errors:
        logger.critical("the database is refused: %s", _in_one_line(errors))
        connection.close()
        raise UnsafeDatabase("The database is refused in production; the log says why.")
    if None not in answers:
        connection_created.disconnect(dispatch_uid=_LOOK_AGAIN)


def _in_one_line(errors: list[CheckMessage]) -> str:
    return "; ".join(f"{error.msg} ({error.id})" for error in errors)


def _asked(question: Callable[[], list[CheckMessage]]) -> list[CheckMessage] | None:
    """Return the question's answer. None when the database is away or not migrated."""
    try:
        return question()
    except (DatabaseError, InterfaceError):
        return None


def _demo_users() -> list[CheckMessage]:
    # Only these columns, the order too: the table may be that of an earlier version, which is just being migrated.
    present = User.objects.filter(username__in=Role.values, is_active=True).order_by("pk")
    # The function, because the user's own method may store a new hash.
    names = [name for name, password in present.values_list("username", "password") if check_password(name, password)]
    if not names:
        return []
    hint = "Deactivate them, or set passwords: manage.py changepassword NAME"
    return [Error(f"Demo users are present: {', '.join(sorted(names))}.", hint=hint, id="qhse.E006")]


def _volatile_server() -> list[CheckMessage]:
    if connection.vendor != "postgresql":
        return []
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, setting FROM pg_settings WHERE name = ANY (%s)", [list(_DURABLE)])
        wrong = [f"{name}={value}" for name, value in cursor.fetchall() if value not in _DURABLE[name]]
    if not wrong:
        return []
    return [Error(f"The database may forget what it has answered: {', '.join(sorted(wrong))}.", id="qhse.E007")]
