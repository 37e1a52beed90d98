"""What staff may do with files. Each form ends in one service."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.db.models import Model
from django.template.defaultfilters import filesizeformat

from qhse.adminsite.forms import ServiceForm, reason_field
from qhse.adminsite.once import FILES_AGAIN
from qhse.attachments.contents import KINDS
from qhse.attachments.headers import SHOWN
from qhse.attachments.models import MAX_DESCRIPTION, Attachment
from qhse.attachments.services import attach, void_attachment
from qhse.errors import InvalidInput, RecordHasChanged

UNSEEN = frozenset({"heic", "heif"})
ACCEPTED = ",".join((*sorted(SHOWN), *(f".{each}" for each in KINDS if each not in UNSEEN)))
"""
What a chooser of files offers. With pictures among it, a phone offers its camera.

A phone whose photos are HEIC, which no browser shows, makes a JPEG of one where that is not offered. One that is chosen
all the same is taken.
"""
GONE = "Choose one of these. The one that you had chosen is void already, or is not on this record."


def size_in_words(size: int) -> str:
    """Return a number of bytes as people say it."""
    return filesizeformat(size).replace("\N{NO-BREAK SPACE}", " ").replace(".0 ", " ")


class FileForm(ServiceForm):
    """A form about the files of a record. The record itself stays as it is, whoever else has changed it."""

    entity_type: str = ""  # these four are set by FilesAdmin.get_form
    entity_id: str = ""
    chosen: str = ""
    lost_file: str = ""
    told: str = ""  # what has happened, once it has

    class Meta:
        fields: tuple[str, ...] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.expected_versions = None

    def validate_constraints(self) -> None:
        """Leave them to the service."""


class AddFileForm(FileForm):
    introduction = "It stays on the record for good. One that was added by mistake can be declared void."
    file = forms.FileField(
        label="File", allow_empty_file=True, widget=forms.FileInput(attrs={"accept": ACCEPTED, "class": "file"})
    )
    file_description = forms.CharField(
        label="What it shows",
        max_length=MAX_DESCRIPTION,
        required=False,
        widget=forms.TextInput(attrs={"class": "vLargeTextField"}),
        help_text="For example: bore of part 3, measured again.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        most = size_in_words(settings.ATTACHMENT_MAX_BYTES)
        field = self.fields["file"]
        field.help_text = f"A photo, PDF, text, table (.csv, .xlsx) or .docx of at most {most}."
        field.error_messages["required"] = self.lost_file or "Choose a file."

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > settings.ATTACHMENT_MAX_BYTES:
            raise forms.ValidationError(
                f"The file is larger than {size_in_words(settings.ATTACHMENT_MAX_BYTES)}. Choose a smaller one."
            )
        return file

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if self.errors and "file" not in self.errors:
            self.add_error("file", FILES_AGAIN)
        return cleaned

    def write(self) -> Model:
        file = self.cleaned_data["file"]
        attachment = attach(
            entity_type=self.entity_type,
            entity_id=self.entity_id,
            name=file.name,
            content=file,
            description=self.cleaned_data["file_description"],
            actor=self.actor,
        )
        self.told = f"has a new file: {attachment.name}, {size_in_words(attachment.size)}"
        record: Model = self.instance
        return record

    def _input_for(self, field: str | None) -> str | None:
        """A refusal is about the file, unless it is about its description."""
        return "file_description" if field == "description" else "file"


class VoidFileForm(FileForm):
    introduction = "Nobody can open it any more. It is kept, and the record goes on to list it, with your reason."
    file = forms.ChoiceField(label="File", error_messages={"invalid_choice": GONE})
    reason = reason_field(required=True, help_text="Why it was a mistake. Everybody reads it beside the file.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        valid = Attachment.objects.filter(entity_type=self.entity_type, entity_id=self.entity_id, voided_at=None)
        self._valid = {str(each.pk): each for each in valid.select_related("uploaded_by")}
        told = [(pk, _line(each)) for pk, each in self._valid.items()]
        # With an empty choice: a page that comes back must not point at another file by itself.
        self.fields["file"].choices = [("", "– choose –"), *told]  # type: ignore[attr-defined]
        self.initial.setdefault("file", self.chosen)

    def write(self) -> Model:
        chosen, reason = self._valid[self.cleaned_data["file"]], self.cleaned_data["reason"]
        seen = frozenset({chosen.version})
        try:
            attachment = void_attachment(
                attachment_id=chosen.pk, reason=reason, actor=self.actor, expected_versions=seen
            )
        except RecordHasChanged:  # somebody was quicker by a moment
            raise InvalidInput(GONE, field="file") from None
        self.told = f"has a file less: {attachment.name} is void"
        record: Model = self.instance
        return record


def _line(attachment: Attachment) -> str:
    """Return what tells a file from others; phones call every photo the same."""
    when = f"{attachment.uploaded_at:%Y-%m-%d %H:%M} UTC"
    return f"{attachment.name} ({size_in_words(attachment.size)}, {when}, {attachment.uploaded_by.username})"
