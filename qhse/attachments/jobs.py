"""What workers do between batches for files."""

from __future__ import annotations

from qhse.attachments.previews import make_preview
from qhse.periodic import periodic

EVERY_SECONDS = 120
"""So long a new picture has no preview at most, if the word of it is lost. A look at nothing costs an index probe."""


@periodic(every_seconds=EVERY_SECONDS, woken_seconds=3)
def make_previews() -> bool:
    return make_preview()
