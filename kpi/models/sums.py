"""Sums of movements, which the worker makes of each day that is over. Reading them gives what the movements give."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class DaySum(models.Model):
    """
    What the movements of one day add to one measure. Append-only.

    `of_day` is the day on which it happened, of a stock the day that it stands under. A flow that became known on
    another day than it happened on `is_late`.
    """

    day = models.DateField()
    measure = models.SmallIntegerField()
    of_day = models.DateField()
    key = models.BigIntegerField()
    word = models.CharField(max_length=40)
    n = models.BigIntegerField()
    is_late = models.BooleanField()

    class Meta:
        default_permissions = ()
        indexes = (
            # With all columns: what is read of many rows is then read in the index alone.
            models.Index(fields=("measure", "day", "of_day", "key", "word", "n", "is_late"), name="day_sum_by_measure"),
            models.Index(fields=("measure", "of_day", "day"), condition=Q(is_late=True), name="day_sum_late"),
        )

    def __str__(self) -> str:
        return f"{self.day} {self.measure}"


class MonthSum(models.Model):
    """
    What the sums of all days before a month come to. Late flows are not among them. Append-only.

    What happened between two days is the difference of two of these, with the days of at most two months.
    """

    month = models.DateField()
    measure = models.SmallIntegerField()
    of_day = models.DateField()
    key = models.BigIntegerField()
    word = models.CharField(max_length=40)
    n = models.BigIntegerField()

    class Meta:
        default_permissions = ()
        indexes = (
            models.Index(fields=("measure", "month", "of_day", "key", "word", "n"), name="month_sum_by_measure"),
        )

    def __str__(self) -> str:
        return f"{self.month} {self.measure}"


class SupplierTally(models.Model):
    """
    Cases recorded by supplier, as numbers in bytes (`kpi.movements.tallies`). Append-only.

    Of a day: those that were recorded on it, as it was known then; of a month those of all days before it. Among twenty
    thousand suppliers the ones with most cases are found in two rows and a month of days, and not in a hundred thousand
    rows.
    """

    day = models.DateField()
    is_total = models.BooleanField()
    counts = models.BinaryField()

    class Meta:
        default_permissions = ()
        constraints = (
            models.UniqueConstraint(
                fields=("day", "is_total"),
                name="supplier_tally_once",
                violation_error_message="The cases of this day are counted already.",
            ),
        )

    def __str__(self) -> str:
        return str(self.day)


class LateCase(models.Model):
    """
    Cases of a supplier that became known, or were taken back, on another day than they were recorded on. Append-only.
    """

    day = models.DateField()
    of_day = models.DateField()
    supplier_id = models.BigIntegerField()
    n = models.IntegerField()

    class Meta:
        default_permissions = ()
        indexes = (models.Index(fields=("of_day", "day", "supplier_id", "n"), name="late_case_by_day"),)

    def __str__(self) -> str:
        return f"{self.n:+} of {self.of_day}"


class SummedDay(models.Model):
    """A day whose sums are stored. All before the latest one are too."""

    day = models.DateField(primary_key=True)
    summed_at = models.DateTimeField(db_default=Now())

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.day)


class FiguresBegin(models.Model):
    """
    The day from which on figures of the past are exact. There is no row if all are.

    Of the time before, the movements were made of the rows as they stood on that day.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    day = models.DateField()

    class Meta:
        default_permissions = ()
        constraints = (
            models.CheckConstraint(
                condition=Q(id=1), name="figures_begin_once", violation_error_message="There is one beginning."
            ),
        )

    def __str__(self) -> str:
        return str(self.day)
