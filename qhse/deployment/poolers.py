"""Whether a line has a server process of its own, or a pooler gives it any one for each transaction."""

from __future__ import annotations

import secrets
import select
import time
from contextlib import closing
from typing import Any

import psycopg
from psycopg import pq
from psycopg.pq.abc import PGconn

from qhse.database import SqlState, ask_within

_POOLER_SECONDS = 2.0  # for a second client behind a pooler, which may have no server left for it
_QUEUE_SECONDS = 0.1  # within which a client has its answer once a server is found for it
_POOLER_CHANNEL = "qhse_pooler"  # one for all: where servers are shared, it stays behind in their sessions
_END = b"SELECT set_config('idle_session_timeout', '20ms', false)"

_poolers_judged: set[tuple[Any, Any, Any]] = set()


def keeps_its_server(wrapper: Any, *, anew: bool = False) -> bool | None:
    """
    Answer whether this client's server process is its own while it is connected. None says that nobody can tell.

    What is proven of an address is not asked again, unless it shall be proven `anew`: behind one address there may be
    several poolers. Where nothing can be proven yet, the next line asks.
    """
    address = tuple(wrapper.settings_dict[part] for part in ("HOST", "PORT", "NAME"))
    if (not anew and address in _poolers_judged) or _is_the_server(wrapper.connection):
        return True
    keeps = _keeps_its_server(wrapper)
    if keeps:
        _poolers_judged.add(address)
    return keeps


def _is_the_server(line: psycopg.Connection[Any]) -> bool:
    """Answer whether nobody stands between: a pooler invents the process id that the driver hears."""
    row = line.execute("SELECT pg_backend_pid()", prepare=False).fetchone()
    return row is not None and row[0] == line.info.backend_pid


def _keeps_its_server(wrapper: Any) -> bool | None:
    """
    Ask by a second client, which is served as this one is.

    An idle client hears a notification only from a process of its own: that has no other client to tell. To compare the
    processes of two clients, or the locks that they hold, would prove nothing. A pooler may give them different ones
    for a long time.
    """
    line, word = wrapper.connection, secrets.token_hex(16)
    try:
        second = psycopg.connect(**wrapper.get_connection_params(), autocommit=True)
    except psycopg.OperationalError:  # no room for a second one
        return None
    with closing(second):
        try:
            line.execute(f"LISTEN {_POOLER_CHANNEL}", prepare=False)
        except psycopg.errors.ReadOnlySqlTransaction:  # a standby lets nobody listen
            return _hears_of_its_end(line, second)
        question = f"SELECT pg_notify('{_POOLER_CHANNEL}', '{word}')".encode()
        if ask_within(_POOLER_SECONDS, second.pgconn, question) is None:
            keeps = _is_served_before(line, second.pgconn)
        else:
            keeps = any(notice.payload == word for notice in line.notifies(timeout=_POOLER_SECONDS))
        line.execute(f"UNLISTEN {_POOLER_CHANNEL}", prepare=False)
    return keeps


def _hears_of_its_end(line: psycopg.Connection[Any], second: psycopg.Connection[Any]) -> bool | None:
    """
    Answer whether the second client, while it is idle, hears that its server's process ends: all that a standby tells
    an idle client by itself. The process ends because it has been idle. Where it is shared, nobody else loses by that:
    a pooler's idle servers come and go.
    """
    heard: list[str | None] = []
    second.add_notice_handler(lambda notice: heard.append(notice.sqlstate))
    if ask_within(_POOLER_SECONDS, second.pgconn, _END) is None:
        return _is_served_before(line, second.pgconn)
    ends_at, is_open = time.monotonic() + _POOLER_SECONDS, True
    while is_open and (left := ends_at - time.monotonic()) > 0:
        if select.select([second.pgconn.socket], [], [], left)[0]:
            try:
                second.pgconn.consume_input()
                second.pgconn.notifies()  # reads what has come, and so calls the handler
            except psycopg.OperationalError:
                is_open = False
    if SqlState.IDLE_SESSION_TIMEOUT in heard:
        return True
    return False if is_open else None  # ended for another reason, of the pooler's own


def _is_served_before(line: psycopg.Connection[Any], waiting: PGconn) -> bool | None:
    """Answer whether a client needs no free server: it is served while another one waits for the first that is free."""
    if waiting.transaction_status != pq.TransactionStatus.ACTIVE:
        return None  # it does not wait: it was refused, such as by a standby behind the same pooler
    line.execute("SELECT 1", prepare=False)
    return None if select.select([waiting.socket], [], [], _QUEUE_SECONDS)[0] else True
