"""Shapes of certificates on the wire."""

from __future__ import annotations

from rest_framework import serializers

from qhse.api.answers import AnswerSerializer
from qhse.api.fields import DayField, OneOfField, TextField, WholeNumberField
from qhse.api.filters import MAX_ID
from qhse.api.viewsets import StrictSerializer
from suppliers.choices import CertificateStatus, VerifyMethod
from suppliers.models import Certificate
from suppliers.models.certificate import MAX_EDITION, MAX_NAME, MAX_NUMBER, MAX_REFERENCE
from suppliers.services.certificate_fields import MAX_TEXT
from suppliers.standards import Standard


def _line(most: int, **more: object) -> TextField:
    return TextField(required=False, allow_blank=True, max_length=most, **more)  # type: ignore[arg-type]


def _reason() -> TextField:
    return TextField(max_length=MAX_TEXT, help_text="Kept in the audit trail.")


def _an_id(**more: object) -> WholeNumberField:
    return WholeNumberField(min_value=1, max_value=MAX_ID, **more)  # type: ignore[arg-type]


class _DetailsSerializer(StrictSerializer):
    """What a document may say beside what it has to say."""

    edition = _line(MAX_EDITION, help_text="The year of the standard's edition, such as 2015.")
    accreditation_body = _line(MAX_NAME)
    scope = _line(MAX_TEXT)
    sites = _line(MAX_TEXT)
    last_surveillance_on = DayField(required=False, allow_null=True)
    supersedes = _an_id(
        required=False,
        allow_null=True,
        source="supersedes_id",
        help_text="The earlier certificate of the same supplier and standard that it renews.",
    )


class CertificateCreateSerializer(_DetailsSerializer):
    supplier_id = _an_id()
    standard = OneOfField(choices=Standard.choices)
    number = TextField(max_length=MAX_NUMBER)
    issuer = TextField(max_length=MAX_NAME, help_text="The certification body.")
    valid_from = DayField()
    valid_to = DayField(help_text="The last valid day.")


class CertificateCorrectSerializer(_DetailsSerializer):
    standard = OneOfField(choices=Standard.choices, required=False)
    number = TextField(max_length=MAX_NUMBER, required=False)
    issuer = TextField(max_length=MAX_NAME, required=False)
    valid_from = DayField(required=False)
    valid_to = DayField(required=False)
    reason = _reason()


class CertificateVerifySerializer(StrictSerializer):
    method = OneOfField(choices=VerifyMethod.choices, help_text="How it was found out.")
    ref = _line(MAX_REFERENCE, help_text="Where: an address in the register, the answer of the issuer.")


class CertificateReasonSerializer(StrictSerializer):
    reason = _reason()


class CertificateSerializer(AnswerSerializer[Certificate]):
    id = serializers.IntegerField()
    supplier_id = serializers.IntegerField()
    supplier_name = serializers.CharField(source="supplier.name")
    standard = serializers.ChoiceField(choices=Standard.choices)
    edition = serializers.CharField(allow_blank=True)
    number = serializers.CharField()
    issuer = serializers.CharField()
    accreditation_body = serializers.CharField(allow_blank=True)
    scope = serializers.CharField(allow_blank=True)
    sites = serializers.CharField(allow_blank=True)
    valid_from = serializers.DateField()
    valid_to = serializers.DateField()
    days_left = serializers.IntegerField(help_text="Whole days until the last valid one; negative after it. In UTC.")
    in_date = serializers.BooleanField(help_text="Valid today by its days, whatever was decided about it.")
    on_superseded_edition = serializers.BooleanField(
        help_text="It speaks for its supplier, on an edition of the standard that another one has taken the place of."
    )
    last_surveillance_on = serializers.DateField(allow_null=True)
    supersedes = serializers.IntegerField(
        source="supersedes_id", allow_null=True, help_text="The certificate that it renews."
    )
    status = serializers.ChoiceField(choices=CertificateStatus.choices)
    status_reason = serializers.CharField(allow_blank=True, help_text="Why it was rejected, withdrawn or superseded.")
    submitted_at = serializers.DateTimeField()
    submitted_by = serializers.IntegerField(source="submitted_by_id")
    verified_at = serializers.DateTimeField(allow_null=True)
    verified_by = serializers.IntegerField(source="verified_by_id", allow_null=True)
    verify_method = serializers.ChoiceField(choices=VerifyMethod.choices, allow_blank=True)
    verify_ref = serializers.CharField(allow_blank=True)
    decided_at = serializers.DateTimeField(allow_null=True)
    decided_by = serializers.IntegerField(
        source="decided_by_id", allow_null=True, help_text="null where a renewal has begun, which nobody decides."
    )
