"""What auditors do with the trail: they verify it as a whole, and say up to where they have reviewed it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from audit.models.trail import AppendOnlyModel, AppendOnlyQuerySet

MOST_NOTE = 2000  # characters
MOST_FINDINGS = 100  # kept in words; all are counted


class ReviewStamp(AppendOnlyModel):
    """
    That somebody has reviewed the trail up to a seal, and what they say about it.

    `audit.reviewing` writes it with an audit entry, which is sealed and so is the proof; the rows are for lists.
    `seal_hash` is that of the seal when it was reviewed. Triggers refuse to change a row, as they do with entries.
    """

    seal = models.PositiveIntegerField()
    seal_hash = models.CharField(max_length=64)
    note = models.TextField(max_length=MOST_NOTE)
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    reviewed_at = models.DateTimeField(db_default=Now(), editable=False)

    # Named, because mypy finds a manager's model by itself only where both are of one module.
    objects: models.Manager[ReviewStamp] = AppendOnlyQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        default_permissions = ("view",)
        constraints = (
            models.CheckConstraint(
                condition=~Q(note=""), name="review_has_a_note", violation_error_message="A review needs a note."
            ),
        )

    def __str__(self) -> str:
        return f"reviewed up to seal {self.seal}"


class VerificationState(models.TextChoices):
    RUNNING = "running", "Running"
    DONE = "done", "Finished"
    STOPPED = "stopped", "Given up"


class TrailVerification(models.Model):
    """
    One verification of the whole trail, which workers do piece by piece. At most one runs.

    `walk` is where it stands, with its counts and its first findings; see `audit.proof.pieces`. `mark` is a keyed
    digest of it: nobody without the key can move a verification past what they have changed. `tries` counts how often
    the next piece was begun. `seals_expected` is how many seals there were at the beginning, for the progress.
    """

    state = models.CharField(
        max_length=10, choices=VerificationState.choices, default=VerificationState.RUNNING,
        db_default=VerificationState.RUNNING, editable=False,
    )  # fmt: skip
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    started_at = models.DateTimeField(db_default=Now(), editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)
    seals_expected = models.PositiveIntegerField(default=0)
    walk = models.JSONField(default=dict)
    mark = models.CharField(max_length=80, blank=True, default="", editable=False)
    tries = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ("-id",)
        default_permissions = ("view",)
        constraints = (
            models.CheckConstraint(
                condition=Q(state__in=VerificationState.values),
                name="verification_state_is_known",
                violation_error_message="The state is not one of running, done, stopped.",
            ),
            models.CheckConstraint(
                condition=Q(state=VerificationState.RUNNING, finished_at__isnull=True)
                | (~Q(state=VerificationState.RUNNING) & Q(finished_at__isnull=False)),
                name="verification_ends_once",
                violation_error_message="One that runs has no end, and any other has one.",
            ),
            # Also the index by which workers look for work: it holds one row, or none.
            models.UniqueConstraint(
                fields=("state",),
                condition=Q(state=VerificationState.RUNNING),
                name="verification_runs_alone",
                violation_error_message="The trail is being verified already.",
            ),
        )

    def __str__(self) -> str:
        return f"verification {self.pk}"

    def _count(self, name: str) -> int:
        return int(self.walk.get("counts", {}).get(name, 0))

    @property
    def seals(self) -> int:
        return self._count("seals")

    @property
    def entries(self) -> int:
        return self._count("entries")

    @property
    def unsealed(self) -> int:
        return self._count("unsealed")

    @property
    def accepted(self) -> int:
        return self._count("accepted")

    @property
    def findings_total(self) -> int:
        return self._count("findings")

    @property
    def position(self) -> int:
        """Return the number of the last seal that was verified."""
        return int(self.walk.get("link", [0])[0])

    @property
    def findings(self) -> list[dict[str, Any]]:
        """Return the first findings."""
        told = self.walk.get("findings", [])
        return [{"what": what, "number": number, "problem": problem} for what, number, problem in told]

    @property
    def percent(self) -> int:
        """Return how much of the seals is done. What follows them takes the last hundredth."""
        if self.state == VerificationState.DONE:
            return 100
        return min(99, self.seals * 100 // self.seals_expected) if self.seals_expected else 0
