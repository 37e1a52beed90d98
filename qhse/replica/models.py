"""The beats by which a copy shows whose copy it is, and of which time."""

from __future__ import annotations

from django.db import models

TIMELINE = "substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8)"
"""A primary's own, as SQL. It raises on a server in recovery."""


class Beat(models.Model):
    """
    A moment of the primary, written there by a worker. Without a replica there is none.

    Nobody can guess an `id`. So a server whose newest beat is known to the primary has followed it until `at`, by the
    primary's clock: all that was committed before has arrived there. A promotion begins a new `timeline`. Beats of
    another one than the primary's own prove nothing, because somebody may still follow the former primary.
    """

    id = models.UUIDField(primary_key=True)
    timeline = models.CharField(max_length=8)
    at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        indexes = (models.Index(fields=("timeline", "at"), name="replica_beat_newest"),)

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S}"
