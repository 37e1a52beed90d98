"""Whether the directory of attached files can be written. Without it a server answers every upload with 503."""

from __future__ import annotations

import os
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


def refuse_unwritable_directory() -> None:
    """
    Make the directory of attached files, and the one in which they arrive. For the start of a server.

    Raises ImproperlyConfigured if they cannot be made or written. Workers and commands start without them.
    """
    directory: Path | None = getattr(settings, "ATTACHMENTS_DIR", None)
    if directory is None:
        return  # the files are in a store that speaks S3
    for path in filter(None, (directory, settings.ATTACHMENTS_INCOMING)):
        try:
            path.mkdir(mode=0o750, parents=True, exist_ok=True)
        except OSError as error:
            raise ImproperlyConfigured(
                f"ATTACHMENTS_DIR: {path} cannot be made ({error.strerror}) (qhse.E013)."
            ) from None
        if not os.access(path, os.W_OK | os.X_OK):
            raise ImproperlyConfigured(f"ATTACHMENTS_DIR: {path} cannot be written (qhse.E013).")
