"""Shapes of non-conformities on the wire."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from ncs.choices import CLOSING_CODES, Category, Cause, ClosureCode, DetectedAt, Disposition, NcStatus, Phase, System
from ncs.models import NonConformity
from ncs.models.nonconformity import MAX_REFERENCE
from ncs.services.fields import MAX_DESCRIPTION, MAX_PIECES, MAX_TEXT
from qhse.api.answers import AnswerSerializer
from qhse.api.fields import AmountField, DayField, OneOfField, TextField, TrueFalseField, WholeNumberField
from qhse.api.filters import MAX_ID
from qhse.api.viewsets import StrictSerializer
from suppliers.choices import Severity


def reference() -> TextField:
    return TextField(required=False, allow_blank=True, max_length=MAX_REFERENCE)


def pieces() -> WholeNumberField:
    return WholeNumberField(required=False, allow_null=True, min_value=0, max_value=MAX_PIECES)


def reason(*, required: bool = True) -> TextField:
    more: dict[str, Any] = {} if required else {"required": False, "allow_blank": True, "default": ""}
    return TextField(max_length=MAX_TEXT, help_text="Kept in the audit trail.", **more)


def an_id(**more: Any) -> WholeNumberField:
    return WholeNumberField(min_value=1, max_value=MAX_ID, **more)


class DetailsSerializer(StrictSerializer):
    """What a case may say beside its description. All of it is optional."""

    system = OneOfField(choices=System.choices, required=False)
    category = OneOfField(choices=Category.choices, required=False, allow_blank=True)
    detected_on = DayField(required=False, allow_null=True)
    detected_at = OneOfField(choices=DetectedAt.choices, required=False, allow_blank=True)
    part_no = reference()
    lot_no = reference()
    po_ref = reference()
    qty_received = pieces()
    qty_defective = pieces()
    due_on = DayField(required=False, help_text="Without one, by the severity.")


class NonConformityCreateSerializer(DetailsSerializer):
    supplier_id = an_id()
    severity = OneOfField(choices=Severity.choices)
    description = TextField(max_length=MAX_DESCRIPTION, help_text="What was required and what was found.")
    owner_id = an_id(required=False, allow_null=True)


class NonConformityCorrectSerializer(DetailsSerializer):
    supplier_id = an_id(required=False)
    severity = OneOfField(choices=Severity.choices, required=False)
    description = TextField(max_length=MAX_DESCRIPTION, required=False)
    customer_informed_on = DayField(required=False, allow_null=True)
    cost = AmountField(required=False, allow_null=True, help_text="In the currency of the site.")
    repeat_of = an_id(required=False, allow_null=True, source="repeat_of_id")
    reason = reason()


class AssignSerializer(StrictSerializer):
    owner_id = an_id(allow_null=True, help_text="A user who works on cases; null: nobody.")
    due_on = DayField(required=False)
    reason = reason(required=False)


class ContainSerializer(StrictSerializer):
    containment = TextField(max_length=MAX_TEXT, help_text="What keeps the defect from doing harm.")


class AnalyseSerializer(StrictSerializer):
    cause_code = OneOfField(choices=Cause.choices)
    root_cause = TextField(max_length=MAX_DESCRIPTION, help_text="Why it happened, and why that: five whys, say.")


class DisposeSerializer(StrictSerializer):
    disposition = OneOfField(choices=Disposition.choices)
    disposition_qty = pieces()
    reason = reason()


class ReasonSerializer(StrictSerializer):
    reason = reason()


class CloseSerializer(StrictSerializer):
    reason = reason(required=False)
    closure_code = OneOfField(choices=CLOSING_CODES, required=False)
    override = TrueFalseField(
        required=False, help_text="An administrator closes it without its evidence, and says why."
    )


LISTED = (
    "supplier", "severity", "status", "description", "created_at", "closed_at", "closure_reason", "system", "category",
    "part_no", "lot_no", "owner", "due_on", "repeat_of", "containment", "root_cause", "actions_open",
    "actions_to_verify", "actions_effective",
)  # fmt: skip
"""What a list reads of a case. With all columns, a page of twenty takes 0.15 ms longer."""


class NonConformitySerializer(AnswerSerializer[NonConformity]):
    """A case in a list."""

    id = serializers.IntegerField()
    number = serializers.CharField(help_text="What people quote: NC-<year>-<id>.")
    supplier_id = serializers.IntegerField()
    severity = serializers.ChoiceField(choices=Severity.choices)
    status = serializers.ChoiceField(choices=NcStatus.choices)
    description = serializers.CharField()
    created_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)
    closure_reason = serializers.CharField(allow_blank=True)
    system = serializers.ChoiceField(choices=System.choices)
    category = serializers.ChoiceField(choices=Category.choices, allow_blank=True)
    part_no = serializers.CharField(allow_blank=True)
    lot_no = serializers.CharField(allow_blank=True)
    owner_id = serializers.IntegerField(allow_null=True)
    due_on = serializers.DateField(allow_null=True)
    overdue = serializers.BooleanField()
    phase = serializers.ChoiceField(choices=Phase.choices, allow_null=True, help_text="null when it is closed.")
    repeat_of = serializers.IntegerField(source="repeat_of_id", allow_null=True)


class NonConformityDetailSerializer(NonConformitySerializer):
    """A whole case."""

    detected_on = serializers.DateField(allow_null=True)
    detected_at = serializers.ChoiceField(choices=DetectedAt.choices, allow_blank=True)
    po_ref = serializers.CharField(allow_blank=True)
    qty_received = serializers.IntegerField(allow_null=True)
    qty_defective = serializers.IntegerField(allow_null=True)
    containment = serializers.CharField(allow_blank=True)
    contained_at = serializers.DateTimeField(allow_null=True)
    cause_code = serializers.ChoiceField(choices=Cause.choices, allow_blank=True)
    root_cause = serializers.CharField(allow_blank=True)
    analysed_at = serializers.DateTimeField(allow_null=True)
    disposition = serializers.ChoiceField(choices=Disposition.choices, allow_blank=True)
    disposition_qty = serializers.IntegerField(allow_null=True)
    disposition_reason = serializers.CharField(allow_blank=True)
    disposed_at = serializers.DateTimeField(allow_null=True)
    concession_by = serializers.IntegerField(source="concession_by_id", allow_null=True)
    customer_informed_on = serializers.DateField(allow_null=True)
    cost = serializers.DecimalField(max_digits=12, decimal_places=2, allow_null=True)
    actions_open = serializers.IntegerField()
    actions_to_verify = serializers.IntegerField()
    actions_effective = serializers.IntegerField()
    missing = serializers.ListField(
        child=serializers.CharField(), help_text="What evidence a closing would lack now, or the closing lacked."
    )
    closure_code = serializers.ChoiceField(choices=ClosureCode.choices, allow_blank=True)
    reopened_count = serializers.IntegerField()


class NonConformityOpenedSerializer(NonConformityDetailSerializer):
    similar = serializers.ListField(
        child=serializers.IntegerField(), help_text="Earlier cases that it repeats, newest first, ten at most."
    )
