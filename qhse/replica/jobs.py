"""What workers do between batches for the replica."""

from __future__ import annotations

from django.conf import settings
from django.db import connection, transaction

from qhse.database import bound_transaction
from qhse.periodic import periodic

BEAT_SECONDS = 2.0
"""Added to the age of every copy that is not just up to date. Each beat is a transaction."""

# Of several workers the first one beats: a row that is young enough is left alone.
_BEAT = """
INSERT INTO replica_heartbeat AS known (id, at) VALUES (1, statement_timestamp())
ON CONFLICT (id) DO UPDATE SET at = excluded.at WHERE known.at < excluded.at - interval '1 second'
OR known.at > excluded.at
"""


@periodic(every_seconds=BEAT_SECONDS if settings.REPLICA else 0)
def beat() -> bool:
    """Write the time where copies are asked for it."""
    with transaction.atomic(), connection.cursor() as cursor:
        bound_transaction(lock=1, statement=5)
        cursor.execute(_BEAT)
    return False
