"""What a supplier delivered in a month."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from suppliers.ppm import ppm

MAX_SOURCE = 60


class SupplierVolume(models.Model):
    """
    Pieces and lots of one supplier in one month, which its first day stands for.

    `suppliers.services` writes it under the supplier's lock. `defective_qty` counts pieces that were confirmed
    defective, and not all of a rejected lot. `source` says what wrote it last: `api`, `admin`, or a file's name.
    """

    supplier = models.ForeignKey("suppliers.Supplier", on_delete=models.PROTECT, related_name="volumes", db_index=False)
    month = models.DateField()
    received_qty = models.PositiveBigIntegerField()
    defective_qty = models.PositiveBigIntegerField()
    received_lots = models.PositiveIntegerField(default=0)
    rejected_lots = models.PositiveIntegerField(default=0)
    late_lots = models.PositiveIntegerField(default=0)
    source = models.CharField(max_length=MAX_SOURCE, blank=True, default="")
    updated_at = models.DateTimeField(db_default=Now(), editable=False)
    version = models.PositiveIntegerField(default=1, db_default=1, editable=False)

    class Meta:
        ordering = ("supplier", "-month")
        default_permissions = ("view", "add", "change")
        constraints = (
            models.UniqueConstraint(
                fields=("supplier", "month"),
                name="volume_is_one_a_month",
                violation_error_message="The supplier has figures for this month already.",
            ),
            models.CheckConstraint(
                condition=Q(month__day=1),
                name="volume_month_is_its_first_day",
                violation_error_message="A month is named by its first day.",
            ),
            models.CheckConstraint(
                condition=Q(defective_qty__lte=F("received_qty")),
                name="volume_defective_of_received",
                violation_error_message="More pieces are defective than were received.",
            ),
            models.CheckConstraint(
                condition=Q(rejected_lots__lte=F("received_lots")) & Q(late_lots__lte=F("received_lots")),
                name="volume_lots_of_received",
                violation_error_message="More lots were rejected or late than were received.",
            ),
        )
        indexes = (models.Index(fields=("month", "supplier"), name="volume_by_month"),)

    def __str__(self) -> str:
        return self.month_text

    @property
    def month_text(self) -> str:
        return f"{self.month:%Y-%m}"

    @property
    def ppm(self) -> int | None:
        """Return defective pieces in a million, None of too few."""
        return ppm(received=self.received_qty, defective=self.defective_qty)
