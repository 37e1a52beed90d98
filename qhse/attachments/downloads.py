"""A file as it is given back, to the API and to the pages: to be saved, and never shown in place."""

from __future__ import annotations

from django.http import FileResponse

from qhse.attachments import storage
from qhse.attachments.errors import FileIsVoided
from qhse.attachments.models import Attachment

CONTENT_SECURITY_POLICY = "sandbox; default-src 'none'"
"""What a browser may do with a file that it shows in spite of all: nothing."""


def content_of(attachment: Attachment) -> FileResponse:
    """Return the content of a file, as a stream. Raises FileIsVoided, StorageIsAway."""
    if attachment.voided_at is not None:
        raise FileIsVoided(f"The file was declared void: {attachment.void_reason}")
    response = FileResponse(
        storage.opened(attachment.stored_as),
        as_attachment=True,
        filename=attachment.name,
        content_type=attachment.media_type,
    )
    # Of what was attached, so that a file that was cut off in the storage shows.
    response["Content-Length"] = str(attachment.size)
    response["ETag"] = f'"{attachment.sha256}"'
    response["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    response["X-Content-Type-Options"] = "nosniff"
    return response
