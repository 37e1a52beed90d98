"""What workers do between batches for the replica."""

from __future__ import annotations

from django.conf import settings
from django.db import connection, transaction

from qhse.database import bound_transaction
from qhse.periodic import periodic
from qhse.replica.models import TIMELINE

BEAT_SECONDS = 2.0
"""Added to the age of every copy that is not just up to date. Each beat is a transaction."""
KEPT_SECONDS = 3_660
"""The longest REPLICA_MAX_LAG and a minute, whatever this process is told: others may have another bound."""

# Of several workers the first one beats: a beat of this second is enough. Two that race both beat, which harms nobody.
# One of a time to come was written before the clock was set back. It would stay the newest.
_BEAT = f"""
WITH present AS (SELECT statement_timestamp() AS now, {TIMELINE} AS timeline),
gone AS (DELETE FROM replica_beat AS beat USING present
    WHERE beat.at < now - interval '{KEPT_SECONDS} seconds' OR beat.at > now + interval '1 second')
INSERT INTO replica_beat (id, timeline, at) SELECT gen_random_uuid(), present.timeline, now FROM present
WHERE NOT EXISTS (SELECT FROM replica_beat AS beat WHERE beat.timeline = present.timeline
    AND beat.at BETWEEN now - interval '1 second' AND now + interval '1 second')
"""  # nosec B608: nothing but constants of ours


@periodic(every_seconds=BEAT_SECONDS if settings.REPLICA else 0)
def beat() -> bool:
    """Write a beat where copies are asked for it, and remove those of long ago."""
    with transaction.atomic(), connection.cursor() as cursor:
        bound_transaction(lock=1, statement=5)
        cursor.execute(_BEAT)
    return False
