"""Movements that came when their day was summed already, and what they add to its sums."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class BelatedMovement(models.Model):
    """
    A movement whose day was summed when it was noted: the database's clock had been ahead. Append-only.

    Triggers write it beside the movement. `round_no` is that of the round in which it is summed. Until there is that
    round, readers read the movement itself.
    """

    of_table = models.CharField(max_length=30)
    movement_id = models.BigIntegerField()
    day = models.DateField()
    round_no = models.IntegerField()

    class Meta:
        default_permissions = ()
        indexes = (models.Index(fields=("round_no", "of_table", "movement_id"), name="belated_by_round"),)

    def __str__(self) -> str:
        return f"{self.of_table} {self.movement_id}"


class BelatedSum(models.Model):
    """
    What belated movements of one day add to one measure, beside the sums of that day. Append-only.

    Cases recorded stand by their supplier too: its id is the key. Of round 0 is what movements had added that were lost
    before belated ones were noted.
    """

    day = models.DateField()
    measure = models.SmallIntegerField()
    of_day = models.DateField()
    key = models.BigIntegerField()
    word = models.CharField(max_length=40)
    n = models.BigIntegerField()
    round_no = models.IntegerField()

    class Meta:
        default_permissions = ()
        indexes = (models.Index(fields=("measure", "of_day"), name="belated_sum_by_measure"),)

    def __str__(self) -> str:
        return f"{self.day} {self.measure}"


class BelatedRound(models.Model):
    """A round of belated movements that is summed. All with lower numbers are too."""

    number = models.IntegerField(primary_key=True)
    summed_at = models.DateTimeField(db_default=Now())

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.number)
