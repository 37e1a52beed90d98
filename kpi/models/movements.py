"""Movements: how what is counted changed, and on which day."""

from __future__ import annotations

from typing import Any

from django.db import models


class Movement(models.Model):
    """
    One step of one record, as far as the quality figures look at it. Append-only.

    Triggers write it in the statement that changes the record (`kpi.movements.triggers`), so no way of writing passes
    it by. What a record was counts -1 and what it became +1, so the sum of `n` over the rows until a day is what there
    was at the end of that day. `day` is the database's, in UTC. There are no foreign keys: nobody looks up a record by
    its movement, and each would be checked at every write.
    """

    day = models.DateField()
    n = models.SmallIntegerField(default=1)
    supplier_id = models.BigIntegerField()

    class Meta:
        abstract = True
        default_permissions = ()


def _indexes(name: str) -> tuple[models.Index, ...]:
    return (
        models.Index(fields=("day",), name=f"{name}_move_by_day"),
        models.Index(fields=("supplier_id", "day"), name=f"{name}_move_by_supplier"),
    )


def _indexes_with(name: str, *counted: str) -> tuple[models.Index, ...]:
    """
    Return the indexes of a table of which one supplier has thousands of rows, each in another page.

    With all that is counted, they are read in the index alone. The one with most of a million cases has 17,000 rows:
    `/kpi/quality` of it costs 0.9 of that of all suppliers, and 1.9 where each row is fetched.
    """
    return (
        models.Index(fields=("day",), name=f"{name}_move_by_day"),
        models.Index(fields=("supplier_id", "day", "n", *counted), name=f"{name}_move_of_supplier"),
    )


def _small(**options: Any) -> Any:
    return models.SmallIntegerField(**options)


class CaseMovement(Movement):
    """
    A case as it is counted. One that was recorded by mistake is counted nowhere.

    `severity` is that of `measures.SEVERITIES`. `contained_hours` are those begun between recording and containment.
    """

    nc_id = models.BigIntegerField()
    severity = _small()
    category = models.CharField(max_length=20)
    created_on = models.DateField()
    due_on = models.DateField(null=True)
    contained_on = models.DateField(null=True)
    contained_hours = models.IntegerField(null=True)
    closed_on = models.DateField(null=True)
    closed_days = models.IntegerField(null=True)
    is_repeat, has_gaps, was_reopened = models.BooleanField(), models.BooleanField(), models.BooleanField()
    cost = models.BigIntegerField(null=True)  # hundredths

    class Meta(Movement.Meta):
        indexes = _indexes_with(
            "case", "severity", "category", "created_on", "due_on", "contained_on", "contained_hours", "closed_on",
            "closed_days", "is_repeat", "has_gaps", "was_reopened", "cost",
        )  # fmt: skip

    def __str__(self) -> str:
        return f"{self.n:+} case {self.nc_id}"


class ActionMovement(Movement):
    """An action as it is counted: at the supplier of its case. One that was cancelled is counted nowhere."""

    action_id = models.BigIntegerField()
    is_running = models.BooleanField()
    due_on = models.DateField()
    done_on = models.DateField(null=True)
    done_days = models.IntegerField(null=True)
    verified_on = models.DateField(null=True)
    is_effective = models.BooleanField(null=True)

    class Meta(Movement.Meta):
        indexes = _indexes_with("action", "is_running", "due_on", "done_on", "done_days", "verified_on", "is_effective")

    def __str__(self) -> str:
        return f"{self.n:+} action {self.action_id}"


class CertificateMovement(Movement):
    """A current certificate: handed in or verified. One that no longer speaks for its supplier is counted nowhere."""

    certificate_id = models.BigIntegerField()
    standard = models.CharField(max_length=20)
    edition = models.CharField(max_length=10)
    is_verified = models.BooleanField()
    valid_to = models.DateField()

    class Meta(Movement.Meta):
        indexes = _indexes("certificate")

    def __str__(self) -> str:
        return f"{self.n:+} certificate {self.certificate_id}"


class SupplierMovement(Movement):
    """
    A supplier as it is counted. One that was merged into another is counted nowhere.

    `level` is the computed one, and empty if nobody has assessed the supplier. `override_level` is shown in its place
    through `override_until`; when that is over is told by the day that is asked about, and notes nothing. `must_prove`
    is whether it is approved, with conditions or without, and requires a standard. `proven_until` is the last day on
    which each required standard has a verified certificate that counts; null if one has none.
    """

    level = models.CharField(max_length=10)
    override_level = models.CharField(max_length=10, default="", db_default="")
    override_until = models.DateField(null=True)
    criticality = models.CharField(max_length=1)
    score = _small()
    must_prove = models.BooleanField()
    missing = _small()
    proven_until = models.DateField(null=True)

    class Meta(Movement.Meta):
        indexes = (
            *_indexes("supplier"),
            models.Index(fields=("supplier_id", "-id"), name="supplier_move_last"),
            models.Index(fields=("day", "supplier_id", "n", "score"), name="supplier_move_scores"),
        )

    def __str__(self) -> str:
        return f"{self.n:+} supplier {self.supplier_id}"


class VolumeMovement(Movement):
    """What a supplier delivered in a month. What counts -1 has its figures below zero: they add up as they stand."""

    month = models.DateField()
    received, defective = models.BigIntegerField(), models.BigIntegerField()
    lots, rejected_lots, late_lots = models.IntegerField(), models.IntegerField(), models.IntegerField()

    class Meta(Movement.Meta):
        indexes = _indexes("volume")

    def __str__(self) -> str:
        return f"{self.n:+} {self.month:%Y-%m}"
