"""Bounds of the database connections of one process."""

from __future__ import annotations

from django.db import connections


def bound_connections(
    *, statement: float, lock: float, idle_in_transaction: float, name: str, prepared: bool = False
) -> None:
    """
    Let connections that this process opens from now on end what takes too long. All bounds are in seconds.

    `statement` ends a statement (SQLSTATE 57014), `lock` the wait for a lock (55P03). `idle_in_transaction` ends the
    connection of a process that stopped in a transaction. The bounds travel with the connection's start: RESET returns
    to them. What `options` of DATABASE_URL says wins. `name` is shown in pg_stat_activity. SQLite has none of this.
    Commands that may take long, such as migrate, do not call it.

    With `prepared`, values travel beside the statements. So the server can parse and plan a repeated statement once.
    That is for a process that does the same over and over on a connection of its own.
    """
    for wrapper in connections.all():
        if wrapper.vendor != "postgresql" or wrapper.in_atomic_block:
            continue  # in a transaction: a test that calls a command within its own process
        bounds = {
            "statement_timeout": statement,
            "lock_timeout": lock,
            "idle_in_transaction_session_timeout": idle_in_transaction,
        }
        ours = " ".join(f"-c {setting}={int(seconds * 1000)}" for setting, seconds in bounds.items())
        given = wrapper.settings_dict["OPTIONS"].get("options", "")
        # The later one wins.
        wrapper.settings_dict["OPTIONS"]["options"] = f"{ours} {given}".strip()
        if wrapper.settings_dict["OPTIONS"].get("application_name") == "qhse":
            wrapper.settings_dict["OPTIONS"]["application_name"] = name
        if prepared:
            wrapper.settings_dict["OPTIONS"].setdefault("server_side_binding", True)
        wrapper.close()
