"""Non-conformities: requirements that a supplier did not fulfil (ISO 9000:2015, 3.6.9)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Now
from django.db.models.lookups import Exact

from ncs.choices import (
    Category,
    Cause,
    ClosureCode,
    DetectedAt,
    Disposition,
    Gap,
    NcStatus,
    Phase,
    System,
)
from ncs.workflow import gaps_of, is_overdue, phase_of
from qhse import clock
from qhse.searches import SearchKeyField
from suppliers.choices import Severity

BY_WEIGHT = Case(When(severity=Severity.HIGH, then=Value(3)), When(severity=Severity.MEDIUM, then=Value(2)), default=1)
MAX_REFERENCE = 64  # characters of a part, lot or order number


class PhaseOf(models.Func):
    """
    `workflow.phase_of` of an open case, in SQL: the first that holds.

    Its constants stand in the text. So it is the expression of the index `nc_open_by_phase` in every plan; parameters
    would not be.
    """

    output_field = models.CharField()
    columns = ("actions_open", "actions_to_verify", "actions_effective", "root_cause", "containment")
    text = (
        f"CASE WHEN {{}} > 0 THEN '{Phase.ACTIONS}' WHEN {{}} > 0 THEN '{Phase.VERIFICATION}' "
        f"WHEN {{}} > 0 THEN '{Phase.READY}' WHEN {{}} <> '' THEN '{Phase.ANALYSED}' "
        f"WHEN {{}} <> '' THEN '{Phase.CONTAINED}' ELSE '{Phase.REPORTED}' END"
    )

    def __init__(self, *columns: Any) -> None:
        super().__init__(*(columns or self.columns))

    def as_sql(self, compiler: Any, connection: Any, *_: Any, **__: Any) -> Any:
        return self.text.format(*(compiler.compile(each)[0] for each in self.get_source_expressions())), []


class NonConformityQuerySet(models.QuerySet["NonConformity"]):
    """`today` is a date in UTC, or an expression for one."""

    def open(self) -> NonConformityQuerySet:
        return self.filter(status=NcStatus.OPEN)

    def overdue(self, *, today: Any) -> NonConformityQuerySet:
        return self.open().filter(due_on__lt=today)

    def in_phase(self, phase: str) -> NonConformityQuerySet:
        """Return the open ones that have come this far. Of an unknown phase there are none."""
        return self.open().filter(Exact(PhaseOf(), phase))


def _one_of(name: str, values: Collection[Any], text: str) -> models.CheckConstraint:
    return models.CheckConstraint(
        condition=Q(**{f"{name}__in": list(values)}), name=f"nc_{name}_is_known", violation_error_message=text
    )


def _by() -> Any:
    """Return a link to who did something. Nobody looks cases up by it, and users are never deleted."""
    return models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True, db_index=False
    )


def _code(choices: type[models.TextChoices], name: str | None = None, *, default: str = "") -> Any:
    return models.CharField(
        name, max_length=20, choices=choices.choices, blank=not default, default=default, db_default=default
    )


def _reference(name: str) -> Any:
    return models.CharField(name, max_length=MAX_REFERENCE, blank=True, default="", db_default="")


def _text(length: int) -> Any:
    return models.TextField(max_length=length, blank=True, default="", db_default="")


def _number() -> Any:
    return models.PositiveIntegerField(default=0, db_default=0, editable=False)


class NonConformity(models.Model):
    """
    One non-conformity of one supplier: the case, from what was found to its closing.

    `ncs.services` writes it, together with the counts on its supplier. While it is open, everything about it can be
    corrected with a reason; closed, it can only be reopened. Empty texts and null mean that nobody has said it yet.
    The links to people are for convenience; the audit trail is the proof.

    `actions_*` and `corrective_effective` count its actions; the transaction that changes an action keeps them.
    `overdue_told` is the due date that others have been told has passed, `containment_told` whether they have been told
    that containment is late. `closure_gaps` is what evidence the closing lacked. `repeat_of` is the newest case that it
    repeats. `search_key` is the description as it is searched. `version` counts its changes, those of its actions too.
    Rows are never deleted.
    """

    supplier = models.ForeignKey("suppliers.Supplier", on_delete=models.PROTECT, related_name="ncs")
    severity = models.CharField(max_length=10, choices=Severity.choices)
    status = models.CharField(max_length=10, choices=NcStatus.choices, default=NcStatus.OPEN)
    description = models.TextField(max_length=5000)
    search_key = SearchKeyField(source="description", default="", db_default="", editable=False)
    reported_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    system = _code(System, "management system", default=System.QUALITY.value)
    category = _code(Category)
    detected_on = models.DateField(null=True, blank=True)
    detected_at = _code(DetectedAt, "detected at")
    part_no, lot_no, po_ref = _reference("part number"), _reference("lot number"), _reference("order number")
    qty_received = models.PositiveIntegerField("pieces received", null=True, blank=True)
    qty_defective = models.PositiveIntegerField("pieces defective", null=True, blank=True)
    repeat_of = models.ForeignKey("self", on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    customer_informed_on = models.DateField(null=True, blank=True)
    cost = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True, db_index=False
    )
    due_on = models.DateField(null=True, blank=True)

    containment = _text(2000)
    contained_at = models.DateTimeField(null=True, editable=False)
    contained_by = _by()
    cause_code = _code(Cause)
    root_cause = _text(5000)
    analysed_at = models.DateTimeField(null=True, editable=False)
    analysed_by = _by()
    disposition = _code(Disposition)
    disposition_qty = models.PositiveIntegerField(null=True, blank=True)
    disposition_reason = _text(2000)
    disposed_at = models.DateTimeField(null=True, editable=False)
    disposed_by = _by()
    concession_by = _by()

    actions_open, actions_to_verify, actions_effective = _number(), _number(), _number()
    corrective_effective = _number()

    closed_at = models.DateTimeField(null=True, blank=True, editable=False)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    closure_reason = models.TextField(blank=True, max_length=2000)
    closure_code = _code(ClosureCode)
    closure_gaps = models.JSONField(default=list, db_default=Value([], models.JSONField()), editable=False)
    reopened_count = _number()
    overdue_told = models.DateField(null=True, editable=False)
    containment_told = models.BooleanField(default=False, db_default=False, editable=False)
    version = models.PositiveIntegerField(default=1, db_default=1, editable=False)

    similar: list[int]  # set by `open_nonconformity`: earlier ones that it repeats, newest first

    objects = NonConformityQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        verbose_name = "non-conformity"
        verbose_name_plural = "non-conformities"
        default_permissions = ("view", "add", "change")
        constraints = (
            models.CheckConstraint(
                condition=Q(severity__in=Severity.values),
                name="nc_severity_is_known",
                violation_error_message="The severity is not one of low, medium, high.",
            ),
            models.CheckConstraint(
                condition=~Q(description=""),
                name="nc_has_a_description",
                violation_error_message="A non-conformity needs a description.",
            ),
            models.CheckConstraint(
                condition=Q(status=NcStatus.OPEN, closed_at__isnull=True, closed_by__isnull=True)
                | Q(status=NcStatus.CLOSED, closed_at__isnull=False, closed_by__isnull=False),
                name="nc_closed_has_time_and_person",
                violation_error_message="A closed one has time and person of its closing; an open one has neither.",
            ),
            _one_of("system", System.values, "The system is not one of quality, environment, safety."),
            _one_of("category", ["", *Category.values], "The category is not a known one."),
            _one_of("detected_at", ["", *DetectedAt.values], "The place of detection is not a known one."),
            _one_of("cause_code", ["", *Cause.values], "The cause is not a known one."),
            _one_of("disposition", ["", *Disposition.values], "The disposition is not a known one."),
            _one_of("closure_code", ["", *ClosureCode.values], "The closure code is not a known one."),
            models.CheckConstraint(
                condition=Q(qty_defective__isnull=True)
                | Q(qty_received__isnull=True)
                | Q(qty_defective__lte=models.F("qty_received")),
                name="nc_defective_of_received",
                violation_error_message="No more pieces can be defective than were received.",
            ),
            models.CheckConstraint(
                condition=Q(cost__isnull=True) | Q(cost__gte=0),
                name="nc_cost_is_not_negative",
                violation_error_message="A cost is not below zero.",
            ),
            models.CheckConstraint(
                condition=Q(concession_by__isnull=True)
                | (Q(disposition=Disposition.USE_AS_IS) & ~Q(concession_by=models.F("reported_by"))),
                name="nc_concession_by_another",
                violation_error_message="A concession is for use as is, by somebody else than who reported the case.",
            ),
            models.CheckConstraint(
                condition=Q(repeat_of__isnull=True) | ~Q(repeat_of=models.F("id")),
                name="nc_repeats_another",
                violation_error_message="A case does not repeat itself.",
            ),
        )
        indexes = (
            models.Index(fields=("status", "severity", "-id"), name="nc_by_status_severity"),
            models.Index(fields=("severity", "-id"), name="nc_by_severity"),
            models.Index(fields=("supplier", "status", "-id"), name="nc_by_supplier_status"),
            # Of what many cases do not say, only those that do: a write that says none of it pays for none of these.
            models.Index(fields=("category", "-id"), condition=~Q(category=""), name="nc_by_category"),
            models.Index(fields=("part_no", "-id"), condition=~Q(part_no=""), name="nc_by_part"),
            models.Index(fields=("supplier", "category", "-id"), condition=~Q(category=""), name="nc_repeats"),
            models.Index(fields=("owner", "-id"), condition=Q(owner__isnull=False), name="nc_by_owner"),
            models.Index(fields=("due_on", "id"), condition=Q(status=NcStatus.OPEN), name="nc_open_by_due"),
            models.Index(
                fields=("owner", "due_on", "id"),
                condition=Q(status=NcStatus.OPEN, owner__isnull=False),
                name="nc_open_by_owner",
            ),
            # The category stands behind the order, so that a list of both reads no case that it does not show.
            models.Index(
                PhaseOf(), F("id").desc(), F("category"), condition=Q(status=NcStatus.OPEN), name="nc_open_by_phase"
            ),
            # What the reminders ask for: rows leave them when they have been told.
            models.Index(
                fields=("due_on", "id"),
                condition=Q(status=NcStatus.OPEN, overdue_told__isnull=True),
                name="nc_untold_by_due",
            ),
            models.Index(
                fields=("severity", "created_at"),
                condition=Q(status=NcStatus.OPEN, containment="", containment_told=False),
                name="nc_not_contained",
            ),
        )

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        """Return the number that people quote, which follows from year and id."""
        return f"NC-{self.created_at.year}-{self.pk:05d}"

    @property
    def phase(self) -> Phase | None:
        """Return how far it has come, None when it is closed."""
        return phase_of(self)

    @property
    def missing(self) -> list[Gap]:
        """Return what evidence a closing would lack now. Of a closed one: what it lacked."""
        return gaps_of(self) if self.status == NcStatus.OPEN else [Gap(each) for each in self.closure_gaps]

    @property
    def containment_due(self) -> datetime:
        """Return until when the defect should be contained, by the setting."""
        return self.created_at + timedelta(hours=settings.NC_CONTAINMENT_HOURS[self.severity])

    @property
    def containment_late(self) -> bool:
        return self.status == NcStatus.OPEN and not self.containment and self.containment_due < clock.present()

    @property
    def overdue(self) -> bool:
        return is_overdue(self, today=clock.today())
