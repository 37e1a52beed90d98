"""Imports: what was read of a file, what it would do, and how far it has come."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from qhse.attachments.names import MAX_NAME
from qhse.exchange.checking import doubled_columns, missing_columns
from qhse.exchange.registry import kind_of


class ImportMode(models.TextChoices):
    ALL_OR_NOTHING = "all_or_nothing", "All rows or none"
    GOOD_ROWS = "good_rows", "The good rows, and a list of the others"


class ImportStatus(models.TextChoices):
    PREVIEWED = "previewed", "Checked, not imported"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed, nothing imported"
    CANCELLED = "cancelled", "Cancelled"


ENDED = [ImportStatus.DONE, ImportStatus.FAILED, ImportStatus.CANCELLED]


class ImportJob(models.Model):
    """
    One import of one file. `services` and `running` write it.

    The file itself is not kept: its rows are, as `ImportPiece`, until the import has ended. So it is read once, what
    was checked is what is written, and a worker needs no file of another machine. `columns` has for each column of the
    file its header and the field that it means, `doubled` if others can mean the same. `foreseen_*` is what the check
    found, `rows_*` what is stored: rows that are done are done, and their counts commit with them. `rows_tried` alone
    runs ahead, so that people see how far it is. `problems` has the first of the errors of all rows. `tried` counts the
    starts since it last came forward; `beat_at` is the last sign of who runs it. `version` counts what people changed.
    Rows are never deleted.
    """

    kind = models.CharField(max_length=32)
    file_name = models.CharField(max_length=MAX_NAME)
    size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    facts = models.JSONField(default=dict)
    mode = models.CharField(max_length=20, choices=ImportMode.choices)
    status = models.CharField(max_length=20, choices=ImportStatus.choices, default=ImportStatus.PREVIEWED)
    columns = models.JSONField(default=list)
    repeated = models.JSONField(default=dict)
    foreseen_new = models.PositiveIntegerField(default=0)
    foreseen_known = models.PositiveIntegerField(default=0)
    foreseen_bad = models.PositiveIntegerField(default=0)
    rows_total = models.PositiveIntegerField()
    rows_tried = models.PositiveIntegerField(default=0)
    rows_done = models.PositiveIntegerField(default=0)
    rows_new = models.PositiveIntegerField(default=0)
    rows_changed = models.PositiveIntegerField(default=0)
    rows_same = models.PositiveIntegerField(default=0)
    rows_refused = models.PositiveIntegerField(default=0)
    problems = models.JSONField(default=list)
    problems_in_all = models.PositiveIntegerField(default=0)
    why = models.CharField(max_length=500, blank=True, default="")
    request_id = models.CharField(max_length=64, blank=True, default="")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, db_index=False
    )
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    beat_at = models.DateTimeField(null=True)
    tried = models.PositiveSmallIntegerField(default=0)
    version = models.PositiveIntegerField(default=1, db_default=1, editable=False)

    class Meta:
        ordering = ("-id",)
        verbose_name = "import"
        default_permissions = ("view", "add", "change")
        constraints = (
            models.CheckConstraint(
                condition=Q(mode__in=ImportMode.values) & Q(status__in=ImportStatus.values),
                name="import_mode_and_status_are_known",
                violation_error_message="The mode or the status of the import is not a known one.",
            ),
            models.CheckConstraint(
                condition=Q(rows_done__lte=models.F("rows_total"), rows_tried__lte=models.F("rows_total"))
                & Q(
                    rows_done=models.F("rows_new")
                    + models.F("rows_changed")
                    + models.F("rows_same")
                    + models.F("rows_refused")
                ),
                name="import_counts_agree",
                violation_error_message="The counts of the import do not agree with each other.",
            ),
            models.CheckConstraint(
                condition=~Q(status=ImportStatus.RUNNING) | Q(started_by__isnull=False, started_at__isnull=False),
                name="import_was_started_by_somebody",
                violation_error_message="Somebody started an import that runs.",
            ),
        )
        indexes = (
            models.Index(fields=("id",), condition=Q(status=ImportStatus.RUNNING), name="import_running"),
            models.Index(fields=("created_at",), condition=Q(status=ImportStatus.PREVIEWED), name="import_previewed"),
        )

    def __str__(self) -> str:
        return f"Import {self.pk}: {self.file_name}"

    @property
    def missing_columns(self) -> list[str]:
        """Return the fields without which it cannot start, and that no column means."""
        return missing_columns(kind_of(self.kind), self.columns)

    @property
    def doubled_columns(self) -> dict[str, list[str]]:
        """Return the fields that several columns can mean, with the headers of these, until a person has said which."""
        return doubled_columns(self.columns)

    @property
    def not_ready(self) -> str:
        """Return why an import that was checked cannot start, or nothing."""
        if self.status != ImportStatus.PREVIEWED:
            return ""
        if doubled := self.doubled_columns:
            return " ".join(
                f"{' and '.join(repr(header) for header in headers)} can all mean {field}. Say which column does."
                for field, headers in doubled.items()
            )
        if missing := self.missing_columns:
            return f"No column of the file means {', '.join(missing)}. Say which one does."
        if self.foreseen_bad == self.rows_total:
            return "No row can be imported: every one has an error."
        if self.foreseen_bad and self.mode == ImportMode.ALL_OR_NOTHING:
            rows = "1 row has an error" if self.foreseen_bad == 1 else f"{self.foreseen_bad:,} rows have errors"
            return f"{rows}, and all rows are to be imported or none. Correct the file, or import the good rows."
        return ""


class ImportPiece(models.Model):
    """Some rows of an import that has not ended: each is its number and its cells. `place` is that of the first."""

    job = models.ForeignKey(ImportJob, on_delete=models.PROTECT, related_name="pieces", db_index=False)
    place = models.PositiveIntegerField()
    rows = models.JSONField()

    class Meta:
        default_permissions = ()
        constraints = (
            models.UniqueConstraint(
                fields=("job", "place"),
                name="import_piece_has_its_place",
                violation_error_message="These rows of the import are kept already.",
            ),
        )

    def __str__(self) -> str:
        return f"{self.job_id}/{self.place}"
