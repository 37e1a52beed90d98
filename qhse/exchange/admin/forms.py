"""What staff may do with an import. Each form ends in one service."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.db.models import Model

from qhse.adminsite.forms import ServiceForm
from qhse.adminsite.once import FILES_AGAIN
from qhse.attachments.names import MAX_NAME
from qhse.exchange.models import ImportJob, ImportMode
from qhse.exchange.registry import kind_of, kinds_written_by
from qhse.exchange.services import cancel_import, change_import, preview_import, start_good_rows, start_import

LEFT_OUT = "– left out –"


def mode_field() -> forms.ChoiceField:
    return forms.ChoiceField(
        label="If rows have errors",
        choices=[
            (ImportMode.ALL_OR_NOTHING.value, "Import nothing: all rows or none"),
            (ImportMode.GOOD_ROWS.value, "Import the good rows, and list the others"),
        ],
        widget=forms.RadioSelect,
        initial=ImportMode.ALL_OR_NOTHING,
    )


class _ImportForm(ServiceForm):
    leaves_constraints = True

    class Meta:
        model = ImportJob
        fields: tuple[str, ...] = ()


class ImportAddForm(_ImportForm):
    lost_file: str = ""  # set by the page

    kind = forms.ChoiceField(label="What is imported")
    file = forms.FileField(
        label="File",
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": ".csv,.xlsx", "class": "file"}),
        max_length=None,
    )
    mode = mode_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kinds = [(kind.name, kind.label) for kind in kinds_written_by(self.actor)]
        self.fields["kind"].choices = kinds  # type: ignore[attr-defined]
        field = self.fields["file"]
        field.help_text = (
            f"A table from Excel (.xlsx) or .csv, with the names of the columns above its rows: at most "
            f"{settings.IMPORT_MAX_ROWS:,} rows. It is checked first; nothing is imported yet."
        )
        field.error_messages["required"] = self.lost_file or "Choose a file."

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if self.errors and "file" not in self.errors:
            self.add_error("file", FILES_AGAIN)
        return cleaned

    def write(self) -> Model:
        file = self.cleaned_data["file"]
        return preview_import(
            kind=self.cleaned_data["kind"],
            name=file.name[-MAX_NAME:],
            content=file,
            mode=self.cleaned_data["mode"],
            actor=self.actor,
        )

    def _input_for(self, field: str | None) -> str | None:
        return field if field in self.fields else "file"


class _GoForm(_ImportForm):
    """A form that asks for nothing. What its page sends with it tells it from an empty one, which does nothing."""

    go = forms.CharField(widget=forms.HiddenInput, initial="1")


class StartForm(_GoForm):
    introduction = "The workers then write the records, in your name."

    def write(self) -> Model:
        return start_import(import_id=self.instance.pk, actor=self.actor, expected_versions=self.expected_versions)


class StartGoodForm(_GoForm):
    introduction = (
        "Rows with errors are left out. The workers then write the records of the others, in your name. Or correct the "
        "file, and check it once more."
    )

    def write(self) -> Model:
        return start_good_rows(import_id=self.instance.pk, actor=self.actor, expected_versions=self.expected_versions)


class CancelForm(_GoForm):
    introduction = "Rows that are stored already stay."

    def write(self) -> Model:
        return cancel_import(import_id=self.instance.pk, actor=self.actor, expected_versions=self.expected_versions)


class SetUpForm(_ImportForm):
    introduction = "Say which field each column of the file means. All rows are then checked again."

    mode = mode_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.setdefault("mode", self.instance.mode)
        for place, column in enumerate(self.instance.columns):
            self.initial.setdefault(f"column_{place}", column["field"] or "")

    def write(self) -> Model:
        columns = [self.cleaned_data[f"column_{place}"] or None for place in range(len(self.instance.columns))]
        return change_import(
            import_id=self.instance.pk,
            columns=columns,
            mode=self.cleaned_data["mode"],
            actor=self.actor,
            expected_versions=self.expected_versions,
        )


def set_up_form(job: ImportJob) -> type[SetUpForm]:
    """Return the form with a choice for each column of this file."""
    kind = kind_of(job.kind)
    choices = [("", LEFT_OUT), *((each.name, each.label) for each in kind.columns)]
    fields = {
        f"column_{place}": forms.ChoiceField(
            label=column["header"] or f"Column {place + 1}, without a name", choices=choices, required=False
        )
        for place, column in enumerate(job.columns)
    }
    return type("SetUpFormOfFile", (SetUpForm,), fields)
