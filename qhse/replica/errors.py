"""Why a line to the replica is not used, though somebody answers on it."""

from __future__ import annotations

from django.db import OperationalError

SHARED_REPLICA = (
    "REPLICA_DATABASE_URL leads to a pooler in transaction mode: any server may answer the next statement. Give it a "
    "pool in session mode (PgBouncer: pool_mode=session), or connect to the replica itself"
)
DOUBTFUL_REPLICA = (
    "REPLICA_DATABASE_URL leads to a pooler of which nothing could be proven: it had no room for a second client, or "
    "lost what its server said. Give the pool more servers, or connect to the replica itself"
)


class LineNotProven(OperationalError):
    """Nobody knows which server will answer the next statement of this line. The message says why."""
