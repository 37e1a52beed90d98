"""Shapes of imports on the wire."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from qhse.api.answers import AnswerSerializer
from qhse.api.fields import OneOfField, TextField
from qhse.api.viewsets import StrictSerializer
from qhse.exchange.checking import MOST_PROBLEMS
from qhse.exchange.models import ImportJob, ImportMode, ImportStatus
from qhse.exchange.tables import MAX_COLUMNS


class ImportCreateSerializer(StrictSerializer):
    kind = TextField(max_length=32, help_text="suppliers, certificates, volumes or cases.")
    file = serializers.FileField(allow_empty_file=True, help_text="A table: .csv or .xlsx.")
    mode = OneOfField(
        choices=ImportMode.choices, required=False, default=ImportMode.ALL_OR_NOTHING, help_text="May be changed later."
    )


class ImportChangeSerializer(StrictSerializer):
    columns = serializers.ListField(
        child=serializers.CharField(allow_null=True, max_length=32),
        required=False,
        max_length=MAX_COLUMNS,
        help_text="For each column of the file the field that it means, or null: it is left out.",
    )
    mode = OneOfField(choices=ImportMode.choices, required=False)


LISTED = (
    "kind", "file_name", "mode", "status", "rows_total", "rows_tried", "rows_new", "rows_changed", "rows_same",
    "rows_refused", "created_at", "created_by", "started_at", "started_by", "ended_at",
)  # fmt: skip
"""What a list reads of an import: not the errors of its rows."""


class ImportSerializer(AnswerSerializer[ImportJob]):
    """An import in a list."""

    id = serializers.IntegerField()
    kind = serializers.CharField()
    filename = serializers.CharField(source="file_name")
    mode = serializers.ChoiceField(choices=ImportMode.choices)
    status = serializers.ChoiceField(choices=ImportStatus.choices)
    rows_total = serializers.IntegerField()
    rows_tried = serializers.IntegerField(help_text="How far it is.")
    rows_new = serializers.IntegerField(help_text="Records that were made.")
    rows_changed = serializers.IntegerField()
    rows_same = serializers.IntegerField(help_text="Rows whose record said the same already.")
    rows_refused = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    created_by = serializers.IntegerField(source="created_by_id")
    started_at = serializers.DateTimeField(allow_null=True)
    started_by = serializers.IntegerField(source="started_by_id", allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)


class ImportColumnSerializer(serializers.Serializer[Any]):
    header = serializers.CharField(allow_blank=True, help_text="As it stands in the file.")
    field = serializers.CharField(allow_null=True, help_text="The field that it means. Null: it is left out.")
    doubled = serializers.CharField(
        required=False, help_text="The field that this column and another one can mean. Assign it to one of them."
    )
    month_first = serializers.BooleanField(
        required=False, help_text="A day here has its month first, so that days that could be two are refused."
    )


class ImportProblemSerializer(serializers.Serializer[Any]):
    row = serializers.IntegerField(help_text="As the program counts it that wrote the file.")
    column = serializers.CharField(allow_blank=True, help_text="The header of the column.")
    field = serializers.CharField(allow_blank=True)
    code = serializers.CharField()
    detail = serializers.CharField()


class ImportDetailSerializer(ImportSerializer):
    """An import with what was found in its file."""

    size = serializers.IntegerField(help_text="Of the file, in bytes.")
    sha256 = serializers.CharField()
    columns = ImportColumnSerializer(many=True)
    missing_columns = serializers.ListField(
        child=serializers.CharField(), help_text="Fields that no column means, and without which it cannot start."
    )
    foreseen_new = serializers.IntegerField(help_text="Rows whose record is not there yet.")
    foreseen_known = serializers.IntegerField(help_text="Rows whose record is there already.")
    foreseen_bad = serializers.IntegerField(help_text="Rows with errors.")
    problems = ImportProblemSerializer(
        many=True,
        help_text=f"The errors of all rows, in the order of the rows; of more than {MOST_PROBLEMS}, the first.",
    )
    problems_in_all = serializers.IntegerField()
    not_ready = serializers.CharField(allow_blank=True, help_text="Why it cannot start, or empty.")
    why = serializers.CharField(allow_blank=True, help_text="Why it ended as it did.")
