"""People's words for what happens to files. Their entries stand in the history of the record."""

from __future__ import annotations

from audit.words import Field, Group, Words, register

register(
    Words(
        record="attachment",
        name="file",
        group=Group.BUSINESS,
        part=True,
        happened={"FILE_ATTACHED": "File attached", "FILE_VOIDED": "File declared void"},
        fields={
            "attachment_id": Field("number of the file"),
            "file_name": Field("file name"),
            "file_description": Field("description of the file"),
            "media_type": Field("kind of file"),
            "size": Field("bytes"),
            "sha256": Field("digest of the file"),
            "uploaded_at": Field("file attached"),
        },
    )
)
