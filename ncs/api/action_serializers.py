"""Shapes of actions, and of what waits for a person, on the wire."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from ncs.api.serializers import NonConformitySerializer, an_id, reason
from ncs.choices import ActionKind, ActionStatus
from ncs.models import CorrectiveAction
from ncs.models.action import MAX_CONTACT, MAX_TITLE
from ncs.services.fields import MAX_TEXT
from qhse.accounts.models import User
from qhse.accounts.roles import Role
from qhse.api.answers import AnswerSerializer
from qhse.api.fields import DayField, OneOfField, TextField, TrueFalseField
from qhse.api.viewsets import StrictSerializer
from suppliers.api.certificate_serializers import CertificateSerializer


class ActionCreateSerializer(StrictSerializer):
    kind = OneOfField(choices=ActionKind.choices)
    title = TextField(max_length=MAX_TITLE, help_text="What is to be done.")
    owner_id = an_id(required=False, allow_null=True, help_text="Without one, and without a contact: who asks.")
    contact = TextField(
        required=False, allow_blank=True, max_length=MAX_CONTACT, help_text="Who it is at the supplier."
    )
    due_on = DayField(required=False, help_text="Without one, that of the case.")


class ActionChangeSerializer(StrictSerializer):
    title = TextField(required=False, max_length=MAX_TITLE)
    owner_id = an_id(required=False, allow_null=True)
    contact = TextField(required=False, allow_blank=True, max_length=MAX_CONTACT)
    due_on = DayField(required=False)
    reason = reason(required=False)


class CompleteSerializer(StrictSerializer):
    note = TextField(
        required=False, allow_blank=True, max_length=MAX_TEXT,
        help_text="What was done. It is needed unless a file on the action shows it.",
    )  # fmt: skip


class VerifySerializer(StrictSerializer):
    effective = TrueFalseField(help_text="Whether it helped.")
    note = TextField(max_length=MAX_TEXT, help_text="How that was found out.")


class ActionSerializer(AnswerSerializer[CorrectiveAction]):
    id = serializers.IntegerField()
    nc_id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=ActionKind.choices)
    title = serializers.CharField()
    status = serializers.ChoiceField(choices=ActionStatus.choices)
    owner_id = serializers.IntegerField(allow_null=True)
    contact = serializers.CharField(allow_blank=True)
    due_on = serializers.DateField()
    overdue = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    done_at = serializers.DateTimeField(allow_null=True)
    done_by = serializers.IntegerField(source="done_by_id", allow_null=True)
    done_note = serializers.CharField(allow_blank=True)
    verified_at = serializers.DateTimeField(allow_null=True)
    verified_by = serializers.IntegerField(source="verified_by_id", allow_null=True)
    verification_note = serializers.CharField(allow_blank=True)
    follow_up_of = serializers.IntegerField(source="follow_up_of_id", allow_null=True)


class OwnerSerializer(AnswerSerializer[User]):
    id = serializers.IntegerField()
    username = serializers.CharField()
    role = serializers.ChoiceField(choices=Role.choices)


class WorkSerializer(AnswerSerializer[Any]):
    """What waits for a person, overdue first. Of each list the first hundred, with the number of all."""

    cases_total = serializers.IntegerField()
    cases = NonConformitySerializer(many=True, help_text="Open cases that they own.")
    actions_total = serializers.IntegerField()
    actions = ActionSerializer(many=True, help_text="Their actions that are not completed.")
    to_verify_total = serializers.IntegerField()
    to_verify = ActionSerializer(many=True, help_text="Completed actions that they can verify.")
    certificates_to_verify_total = serializers.IntegerField()
    certificates_to_verify = CertificateSerializer(
        many=True, help_text="Quality and admin: those that wait to be verified by them."
    )
    certificates_to_renew_total = serializers.IntegerField()
    certificates_to_renew = CertificateSerializer(
        many=True, help_text="Procurement: those that end within 90 days, or have ended, with no later one at hand."
    )
