"""The line to PostgreSQL: what each session begins with and returns to, whatever the server says."""

from __future__ import annotations

import logging
import select
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

import psycopg
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connections
from django.db.backends.postgresql.base import DatabaseWrapper
from django.db.backends.postgresql.psycopg_any import BaseTzLoader
from psycopg import sql
from psycopg.abc import Buffer

from qhse.deployment.bounded_waits import bound_waits
from qhse.deployment.poolers import keeps_its_server
from qhse.replica.errors import DOUBTFUL_REPLICA, SHARED_REPLICA, LineNotProven
from qhse.replica.router import REPLICA

logger = logging.getLogger("qhse")

SESSION = {
    # How values are written and read. Django and the driver count on these.
    "client_encoding": "UTF8",
    "timezone": "UTC",
    "datestyle": "ISO, MDY",
    "intervalstyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "standard_conforming_strings": "on",
    "backslash_quote": "safe_encoding",
    "array_nulls": "on",
    "transform_null_equals": "off",
    "gin_fuzzy_search_limit": "0",  # else a search finds some of what it should, and counts none of it
    # What a statement sees, and when it is refused.
    "search_path": '"$user", public',
    "default_transaction_isolation": "read committed",
    "default_transaction_deferrable": "off",
    "row_security": "on",
    "exit_on_error": "off",
    # Who sets no bounds has none: migrations take their time.
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
    # Short statements, compiled each time they are planned: that takes longer than to run them.
    "jit": "off",
    # The server's half of what settings.py asks of libpq: the locks of a host that has vanished end.
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "15000",
}
"""Settings of every session. All others are left to the server: they change speed, logs and disks, not meanings."""

_SINCE_17 = {"transaction_timeout": "0"}
_OF_SUPERUSERS = {"session_replication_role": "origin"}  # else no trigger works, and no foreign key

_bounds: dict[str, str] = {}
_hangs_up = False
_plans = threading.local()  # `settings`, of connections that this thread opens


class UnsafeDatabase(OperationalError, ImproperlyConfigured):
    """The database answers, and must not be used as it is. The log says why. Who starts is refused, who runs waits."""


BY_INDEXES = {"enable_seqscan": "off", "enable_sort": "off"}
"""
Statements read by the index that their order asks for, whatever statistics say. They may be of a moment without pending
rows: then an index on all pending rows looks as cheap as one that begins with the aggregate, and rows would be sorted.
"""


def bound_connections(
    *,
    statement: float,
    lock: float,
    idle_in_transaction: float,
    name: str,
    by_indexes: bool = False,
    prepared: bool = False,
    hangs_up: bool = False,
) -> None:
    """
    Let connections that this process opens from now on end what takes too long. All bounds are in seconds.

    `statement` ends a statement (SQLSTATE 57014), `lock` the wait for a lock (55P03). `idle_in_transaction` ends the
    connection of a process that stopped in a transaction. What `options` of DATABASE_URL says wins. `name` is shown in
    pg_stat_activity. SQLite has none of this. Commands that may take long, such as migrate, do not call it. With
    `hangs_up`, who waits for a server that has stopped is let go soon after `statement`: for processes without a
    watchdog.

    Two choices are for a loop that does the same over and over. `by_indexes` has statements read BY_INDEXES. With
    `prepared`, a statement has one plan for all values as well, so that the server parses and plans a repeated one
    once; values then travel beside the statements, on every connection. Such a plan reads no partial index, unless the
    text itself says which rows are in it. How to plan holds for connections of the calling thread, which is the loop's:
    metrics are asked for in others, and reports want plans of their own.
    """
    global _hangs_up
    _hangs_up = hangs_up
    for wrapper in connections.all():
        if wrapper.vendor != "postgresql" or wrapper.in_atomic_block:
            continue  # in a transaction: a test that calls a command within its own process
        bounds = {
            "statement_timeout": statement,
            "lock_timeout": lock,
            "idle_in_transaction_session_timeout": idle_in_transaction,
        }
        _bounds.update({setting: str(int(seconds * 1000)) for setting, seconds in bounds.items()})
        if wrapper.settings_dict["OPTIONS"].get("application_name") == "qhse":
            wrapper.settings_dict["OPTIONS"]["application_name"] = name
        _plans.settings = BY_INDEXES if by_indexes or prepared else {}
        if prepared:
            wrapper.settings_dict["OPTIONS"].setdefault("server_side_binding", True)
            _plans.settings = _plans.settings | {"plan_cache_mode": "force_generic_plan"}
        wrapper.close()


def session_statement(wrapper: Any, line: psycopg.Connection[Any] | None = None, **settings: str) -> str:
    """
    Return one SELECT that sets a session as it should be.

    Its row ends with statement_timeout and session_replication_role. The session is that of `line`,
    or else the wrapper's own. Nothing travels as startup options, which poolers refuse. So RESET ALL loses the
    settings: whoever resets says this again. `settings` come on top.
    """
    options, info = wrapper.settings_dict["OPTIONS"], (line or wrapper.connection).info
    fitting = SESSION | {"application_name": options.get("application_name", "")}
    if info.server_version >= 170_000:
        fitting |= _SINCE_17
    if info.parameter_status("is_superuser") == "on":
        fitting |= _OF_SUPERUSERS
    given = wrapper.settings_dict.get("SESSION", {})
    # Django takes this role on after connecting, so RESET does not return to it. Last: it may not set all others.
    role = {"role": options["assume_role"]} if options.get("assume_role") else {}
    plans = getattr(_plans, "settings", {})
    return _select(tuple((fitting | _bounds | plans | given | settings | role).items()))


@cache
def _select(settings: tuple[tuple[str, str], ...]) -> str:
    calls = ", ".join(f"set_config({sql.quote(name)}, {sql.quote(value)}, false)" for name, value in settings)
    said = "current_setting('statement_timeout'), current_setting('session_replication_role')"
    return f"SELECT {calls}, {said}"  # nosec B608: quoted


def begin_session(*, connection: Any, **kwargs: Any) -> None:
    """
    Set and check a line that Django has just opened. It is closed when that fails.

    Raises UnsafeDatabase where triggers do not work and this role may not mend that, where not every text can be
    stored, and behind a pooler in transaction mode. A replica's line must be proven to have a server of its own: else
    LineNotProven.
    """
    if connection.vendor != "postgresql":
        return
    try:
        _demand_own_server(connection)  # before anything is set: strangers would get it
        *_, bound, triggers = connection.connection.execute(session_statement(connection), prepare=False).fetchone()
        _demand_every_text(connection.connection)
        if triggers != "origin":
            raise _unsafe(
                "The server says session_replication_role=replica. So no trigger works, and this role may not change "
                "it. Take it back: ALTER DATABASE … RESET session_replication_role, or the same of the role."
            )
    except BaseException:
        connection.close()
        raise
    if _hangs_up:
        bound_waits(connection.connection, bound)
    connection.connection.adapters.register_loader("timestamptz", _Moment)
    connection.is_usable = partial(_is_usable, connection, partial(DatabaseWrapper.is_usable, connection))


def _demand_every_text(line: psycopg.Connection[Any]) -> None:
    """Refuse a database that cannot keep every character. It has said so when it was connected to, or is asked."""
    kept = line.info.parameter_status("server_encoding")
    if kept is None:  # a pooler need not pass it on
        (kept,) = line.execute("SHOW server_encoding", prepare=False).fetchone()  # type: ignore[misc]
    if kept != "UTF8":
        raise _unsafe(
            f"The database's encoding is {kept}, which does not keep every text as what it is. It is chosen when a "
            "database is made: dump this one, restore it into CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0."
        )


class _Moment(BaseTzLoader):
    """Reads moments of sessions in UTC, each in 0.6 µs. Django's own takes 4.7, and a page of 100 cases has 300."""

    timezone = UTC  # Django looks whether a loader is of its time zone

    def load(self, data: Buffer) -> datetime:
        try:
            return datetime.fromisoformat(bytes(data).decode())
        except ValueError:  # of another era, or infinite
            moment: datetime = super().load(data)
            return moment


def _is_usable(wrapper: Any, asked: Callable[[], bool]) -> bool:
    """
    Answer whether a line that was left alone may be used again.

    A server that ends a line, and a kernel that gives a host up, leave something to read on it. So where there is
    nothing, the server is not asked, which took a round trip of each request. After an error it is asked, as by Django.
    """
    line = wrapper.connection
    if line is None or line.closed or wrapper.errors_occurred:
        return asked()
    poll = select.poll()
    poll.register(line.pgconn.socket, select.POLLIN)
    return not poll.poll(0) or asked()


def _unsafe(reason: str) -> UnsafeDatabase:
    logger.critical("the database is refused: %s", reason)
    return UnsafeDatabase(reason)


def _demand_own_server(wrapper: Any) -> None:
    """
    Refuse a pooler that shares a server process among clients that are connected.

    There, settings and locks of a session reach strangers, and notifications reach nobody. On a replica, what a server
    is asked about itself says nothing of the one that answers next. So there even a doubt is enough.
    """
    keeps = keeps_its_server(wrapper, anew=wrapper.alias == REPLICA)
    if wrapper.alias == REPLICA and not keeps:
        raise LineNotProven(SHARED_REPLICA if keeps is False else DOUBTFUL_REPLICA)
    if keeps is False:
        raise _unsafe(
            "DATABASE_URL leads to a pooler in transaction mode, where settings, locks and notifications do not hold. "
            "Give this database a pool in session mode (PgBouncer: pool_mode=session), or connect to PostgreSQL itself."
        )
