"""Where Django itself turns to: to the primary, whoever asks."""

from __future__ import annotations

from typing import Any

PRIMARY, REPLICA = "default", "replica"


class PrimaryRouter:
    """
    Keeps writes and migrations away from the replica. It sends no read there.

    A router that chose by model would send services there as well, which lock what they read.
    What was read on the replica looks up its relations there: Django does that without a router's word.
    """

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return PRIMARY

    def allow_relation(self, one: Any, other: Any, **hints: Any) -> bool:
        return True

    def allow_migrate(self, alias: str, app_label: str, **hints: Any) -> bool | None:
        return False if alias == REPLICA else None
