"""Shapes of suppliers on the wire."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from qhse.api.answers import AnswerSerializer
from qhse.api.fields import DayField, OneOfField, TextField, WholeNumberField
from qhse.api.filters import MAX_ID
from qhse.api.viewsets import StrictSerializer
from suppliers.choices import Criticality, RiskLevel, SupplierCategory, SupplierStatus
from suppliers.models import Supplier
from suppliers.models.supplier import MAX_CONTACT, MAX_EMAIL, MAX_REFERENCE
from suppliers.names import MAX_LENGTH
from suppliers.services import EARLIEST_EXPIRY, LATEST_EXPIRY
from suppliers.services.fields import MAX_REASON
from suppliers.standards import Standard

LAST_VALID_DAY = f"Last valid day, from {EARLIEST_EXPIRY} to {LATEST_EXPIRY}, or null if none is known."


@extend_schema_field({"type": "string", "minLength": 1, "maxLength": MAX_LENGTH})
class SupplierNameField(TextField):
    """Takes more characters than a stored name has: white space and decomposed letters shrink when normalised."""


class SupplierDetailsSerializer(StrictSerializer):
    """What may be said of a supplier beside its name. All of it is optional."""

    external_ref = TextField(
        required=False, allow_blank=True, max_length=MAX_REFERENCE, help_text="Its number in another system; unique."
    )
    country = TextField(
        required=False, allow_blank=True, max_length=2, help_text="ISO 3166-1 alpha-2, such as DE; empty: not known."
    )
    category = OneOfField(choices=SupplierCategory.choices, required=False, allow_blank=True)
    criticality = OneOfField(choices=Criticality.choices, required=False)
    contact_name = TextField(required=False, allow_blank=True, max_length=MAX_CONTACT)
    contact_email = TextField(required=False, allow_blank=True, max_length=MAX_EMAIL)
    required_standards = serializers.ListField(
        child=OneOfField(choices=Standard.choices),
        required=False,
        max_length=len(Standard),
        help_text="What it has to be certified by. Stored in order, each once.",
    )
    next_review_on = DayField(
        required=False, allow_null=True, help_text=f"From {EARLIEST_EXPIRY} to {LATEST_EXPIRY}, or null."
    )


def _name(**more: Any) -> SupplierNameField:
    return SupplierNameField(
        max_length=5 * MAX_LENGTH,
        trim_whitespace=False,  # the service trims, after it has looked for line breaks and tabs
        help_text="Unique regardless of case and Unicode form; no control or invisible characters.",
        **more,
    )


def _reason(*, required: bool = True) -> TextField:
    more: dict[str, Any] = {} if required else {"required": False, "allow_blank": True, "default": ""}
    return TextField(max_length=MAX_REASON, help_text="Kept in the audit trail.", **more)


class SupplierCreateSerializer(SupplierDetailsSerializer):
    name = _name()
    certification_expiry = DayField(required=False, allow_null=True, default=None, help_text=LAST_VALID_DAY)


class SupplierCorrectSerializer(SupplierDetailsSerializer):
    name = _name(required=False)
    reason = _reason()


class StatusSerializer(StrictSerializer):
    status = OneOfField(choices=SupplierStatus.choices)
    reason = _reason(required=False)


class MergeSerializer(StrictSerializer):
    into_id = WholeNumberField(min_value=1, max_value=MAX_ID, help_text="The supplier that is left.")
    reason = _reason()


class CertificationSerializer(StrictSerializer):
    certification_expiry = DayField(allow_null=True, help_text=LAST_VALID_DAY)
    reason = TextField(required=False, allow_blank=True, default="", max_length=2000)


LISTED = (
    "name", "certification_expiry", "created_at", "external_ref", "country", "category", "criticality", "status",
    "merged_into", "nc_open_high", "risk_level", "risk_score", "risk_at_risk", "risk_assessed_at", "override_level",
    "override_until",
)  # fmt: skip
"""What a list reads of a supplier: what it shows, and what says whether the risk that it shows is of now."""


class SupplierSerializer(AnswerSerializer[Supplier]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    certification_expiry = serializers.DateField(allow_null=True)
    is_at_risk = serializers.BooleanField(
        help_text="Now: the certification is expired, or an NC of severity high is open."
    )
    risk_level = serializers.ChoiceField(
        source="level", choices=RiskLevel.choices, allow_null=True,
        help_text="That of an override in force, else the computed one; null while the worker has not assessed it.",
    )  # fmt: skip
    risk_score = serializers.IntegerField(
        source="score", allow_null=True, help_text="0 (best) to 100; the sum of the points of `risk_reasons`."
    )
    risk_is_current = serializers.BooleanField(
        help_text="False while an event that could move the risk waits for the worker, or the assessment is of an "
        "earlier day."
    )
    created_at = serializers.DateTimeField()
    code = serializers.CharField(help_text="What people quote: SUP-<id>.")
    external_ref = serializers.CharField(allow_blank=True)
    country = serializers.CharField(allow_blank=True, help_text="ISO 3166-1 alpha-2.")
    category = serializers.ChoiceField(choices=SupplierCategory.choices, allow_blank=True)
    criticality = serializers.ChoiceField(choices=Criticality.choices)
    status = serializers.ChoiceField(choices=SupplierStatus.choices)


class OverrideSerializer(AnswerSerializer[Any]):
    level = serializers.ChoiceField(choices=RiskLevel.choices)
    reason = serializers.CharField()
    until = serializers.DateField(help_text="Its last day.")
    by_id = serializers.IntegerField(help_text="The user who set it.")


class ReasonSerializer(AnswerSerializer[Any]):
    code = serializers.CharField()
    detail = serializers.CharField()
    points = serializers.IntegerField()


class SupplierDetailSerializer(SupplierSerializer):
    nc_total = serializers.IntegerField()
    nc_open = serializers.IntegerField()
    nc_open_high = serializers.IntegerField()
    risk_computed_level = serializers.ChoiceField(
        source="computed_level", choices=RiskLevel.choices, allow_null=True, help_text="The level of the score."
    )
    risk_override = OverrideSerializer(source="override", allow_null=True)
    risk_reasons = ReasonSerializer(
        source="lines", many=True, help_text="The lines of the score; `/suppliers/{id}/risk` says what they rest on."
    )
    proven_until = serializers.DateField(
        source="cert_proven_until",
        allow_null=True,
        help_text="The day through which verified certificates prove every required standard; where none is required, "
        "the last day of any. null: they do not. `certification_expiry` is what was declared.",
    )
    declared_not_proven = serializers.BooleanField(
        help_text="A certification is declared that verified certificates do not prove so long, or not at all."
    )
    risk_assessed_at = serializers.DateTimeField(
        allow_null=True,
        help_text="When the worker looked last: moments after each cause, and once a day. Level, score and reasons are "
        "of that one assessment.",
    )
    contact_name = serializers.CharField(allow_blank=True)
    contact_email = serializers.CharField(allow_blank=True)
    required_standards = serializers.ListField(child=serializers.ChoiceField(choices=Standard.choices))
    next_review_on = serializers.DateField(allow_null=True)
    status_reason = serializers.CharField(allow_blank=True)
    status_at = serializers.DateTimeField(allow_null=True)
    status_by = serializers.IntegerField(source="status_by_id", allow_null=True)
    proposed_status = serializers.ChoiceField(
        choices=SupplierStatus.choices,
        allow_null=True,
        help_text="`suspended`: the risk is critical. `conditional`: it is approved, and verified certificates in date "
        "do not prove what is required of it. Nothing happens until a person decides.",
    )
    merged_into_id = serializers.IntegerField(
        allow_null=True, help_text="The supplier that is left, if this one was recorded twice. It takes no writes then."
    )
    cert_ends_on = serializers.DateField(
        allow_null=True, help_text="The first day on which the latest certificate of a required standard ends."
    )
    cert_missing = serializers.IntegerField(help_text="How many required standards have no certificate that counts.")
    cert_unverified = serializers.IntegerField(help_text="Of how many the latest one that counts is not verified.")
