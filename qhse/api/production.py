"""What in the database would make a production installation only look safe."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import check_password
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, InterfaceError, connection

from qhse.accounts.models import User
from qhse.accounts.roles import Role

_DURABLE = {"fsync": ("on",), "full_page_writes": ("on",), "synchronous_commit": ("on", "remote_apply", "remote_write")}


@register(Tags.database)
def check_production_database(app_configs: Any, databases: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Refuse demo users, whose passwords are their names, and a server that answers before it has stored."""
    if not settings.PRODUCTION or not databases:
        return []
    return [*_demo_users(), *_volatile_server()]


def refuse_unsafe_database() -> None:
    """
    Raise ImproperlyConfigured with what is wrong; for the start of a server or a worker in production.

    A database that is away, or not migrated yet, refuses nothing: the process waits for it, as for any outage.
    """
    if not settings.PRODUCTION:
        return
    try:
        errors = check_production_database(None, databases=["default"])
    except (DatabaseError, InterfaceError):
        return
    finally:
        connection.close()
    if errors:
        raise ImproperlyConfigured("; ".join(f"{error.msg} ({error.id})" for error in errors))


def _demo_users() -> list[CheckMessage]:
    present = User.objects.filter(username__in=Role.values, is_active=True)
    # The function, because the user's own method may store a new hash.
    names = [user.username for user in present if check_password(user.username, user.password)]
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
