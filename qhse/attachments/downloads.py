"""A file as it is given back, to the API and to the pages: to be saved. Only a preview, which is ours, is shown."""

from __future__ import annotations

from django.http import FileResponse

from qhse.attachments import storage
from qhse.attachments.errors import FileIsVoided, PreviewNotFound
from qhse.attachments.models import Attachment
from qhse.attachments.previews import MEDIA_TYPE

CONTENT_SECURITY_POLICY = "sandbox; default-src 'none'"
"""What a browser may do with a file that it shows in spite of all: nothing."""


def content_of(attachment: Attachment) -> FileResponse:
    """Return the content of a file, as a stream. Raises FileIsVoided, StorageIsAway."""
    _demand_in_force(attachment)
    response = FileResponse(
        storage.opened(attachment.stored_as),
        as_attachment=True,
        filename=attachment.name,
        content_type=attachment.media_type,
    )
    # Of what was attached, so that a file that was cut off in the storage shows.
    response["Content-Length"] = str(attachment.size)
    response["ETag"] = f'"{attachment.sha256}"'
    return _guarded(response)


def preview_of(attachment: Attachment) -> FileResponse:
    """Return the small picture of a picture, as a stream. Raises FileIsVoided, PreviewNotFound, StorageIsAway."""
    _demand_in_force(attachment)
    if not attachment.preview_as:
        known = attachment.preview_as is not None or not Attachment.objects.without_preview().filter(pk=attachment.pk)
        raise PreviewNotFound("This file has no preview." if known else "The preview has not been made yet.")
    return _guarded(FileResponse(storage.opened(attachment.preview_as), content_type=MEDIA_TYPE))


def _demand_in_force(attachment: Attachment) -> None:
    if attachment.voided_at is not None:
        raise FileIsVoided(f"The file was declared void: {attachment.void_reason}")


def _guarded(response: FileResponse) -> FileResponse:
    response["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    response["X-Content-Type-Options"] = "nosniff"
    return response
