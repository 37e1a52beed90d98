"""The database of a scenario, and what most scenarios ask of it."""

from __future__ import annotations

import time
from typing import Any

import psycopg

from lab import database

RECONNECT_SECONDS = 30.0


class Database(database.Database):
    """The database of one scenario."""

    def rows(self, sql: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        """Read; while the server is away, wait for it."""
        deadline = time.monotonic() + RECONNECT_SECONDS
        while True:
            try:
                return super().rows(sql, parameters)
            except psycopg.OperationalError:
                self.close()
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def pending(self) -> int:
        return int(self.value("SELECT count(*) FROM outbox_outboxevent WHERE status = 'PENDING'"))

    def effects(self) -> int:
        return int(self.value("SELECT count(*) FROM chaos_effect"))

    def backends(self, application_name: str) -> list[int]:
        """Return the server processes that serve this application."""
        rows = self.rows(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = %s",
            [application_name],
        )
        return [pid for (pid,) in rows]

    def terminate(self, application_name: str = "") -> int:
        """End the connections of one application, or of everybody else; return how many there were."""
        return len(
            self.rows(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                "AND pid <> pg_backend_pid() AND (application_name = %s OR %s = '')",
                [application_name, application_name],
            )
        )
