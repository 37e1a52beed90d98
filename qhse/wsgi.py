"""The WSGI entry that gunicorn loads."""

from typing import Any

import django
from django.conf import settings
from django.core.checks import Tags, run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.db import connections
from django.urls import get_resolver
from django.utils.http import parse_header_parameters

from qhse import tracing
from qhse.deployment.connections import bound_connections
from qhse.env import choose_settings

choose_settings()
django.setup(set_prefix=False)

from qhse.deployment.database_checks import refuse_unsafe_database  # noqa: E402  (needs the apps)
from qhse.deployment.static_checks import refuse_missing_static_files  # noqa: E402
from qhse.deployment.storage_checks import refuse_unwritable_directory  # noqa: E402

# manage.py runs the checks before each command; a server that is started without it must refuse as well.
if refusals := [check for check in run_checks(tags=[Tags.security]) if check.is_serious()]:
    raise ImproperlyConfigured("; ".join(f"{check.msg} ({check.id})" for check in refusals))

refuse_missing_static_files()
refuse_unwritable_directory()
# Shorter than gunicorn's timeout, which would kill the process in the middle. Before the look at the database: a table
# that a migration holds must not keep the server from starting.
bound_connections(statement=10, lock=3, idle_in_transaction=15, name="qhse-api", hangs_up=True)
if not settings.TESTING:  # tests import this before they have a database
    refuse_unsafe_database()
    connections.close_all()  # processes that are forked from this one must share no line
tracing.start("qhse-api")
get_resolver().url_patterns  # noqa: B018 (imports the views, so that those processes share them)


class Utf8Request(WSGIRequest):
    """
    A request whose query and forms are UTF-8, whatever charset the client names.

    Django decodes the query by that name before any middleware runs. `charset=hex` is a codec that decodes no text: a
    500 that no view could prevent.
    """

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        self.content_type, self.content_params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))


class Application(WSGIHandler):
    request_class = Utf8Request


application = Application()
