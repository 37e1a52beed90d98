"""The laboratory's own process: Django is set up without a single connection, ready to be forked."""

from __future__ import annotations

import os
from typing import Any

import django

from dev.processes import KEPT_VARIABLES

VARIABLES = {
    "DJANGO_SETTINGS_MODULE": "qhse.settings",
    "QHSE_ENV": "dev",
    "LOG_LEVEL": "WARNING",
    "DATABASE_URL": "postgres://qhse@/nowhere?host=/nonexistent",  # each scenario has a database of its own
    "OUTBOX_BACKOFF_BASE": "0.05",
    "OUTBOX_BACKOFF_CAP": "1",
    "OUTBOX_HANDLER_TIMEOUT": "10",
}

_options: dict[str, Any] = {}


def prepare() -> None:
    """Forget the shell's variables, and set Django up. To be called once, before models are imported."""
    for name in set(os.environ) - set(KEPT_VARIABLES):
        del os.environ[name]
    os.environ.update(VARIABLES)
    django.setup()

    from django.db import connection

    from lab.chaos.instruments import gauges  # noqa: F401 (registers the event and its handlers)

    _options.update(connection.settings_dict["OPTIONS"])


def use_database(url: str) -> None:
    """Let Django connect to this database from now on, here and in forks."""
    from django.db import connection

    from qhse.database_url import parse_database_url

    connection.close()
    parsed = parse_database_url(url)
    for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT"):
        connection.settings_dict[name] = parsed[name]


def with_own_bounds(application_name: str = "") -> None:
    """
    Give connections of this process the options that a fresh process has.

    The WSGI module bounds the statements of its process. A worker that is forked from it must not inherit that.
    """
    from django.db import connection

    connection.settings_dict["OPTIONS"] = dict(_options)
    if application_name:
        connection.settings_dict["OPTIONS"]["application_name"] = application_name
