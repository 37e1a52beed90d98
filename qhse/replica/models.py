"""The beat by which the age of a copy is known."""

from __future__ import annotations

from django.db import models


class Heartbeat(models.Model):
    """
    When the primary last wrote here, by its clock. There is one row; without a replica there is none.

    Whoever reads it on a copy knows that all which was committed before has arrived there. Two servers that have the
    same beat have one history: a copy that follows a former primary gets no new ones.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = (
            models.CheckConstraint(
                condition=models.Q(id=1), name="heart_is_one", violation_error_message="There is one heartbeat."
            ),
        )

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S}"
