"""Files without a row, which a killed process leaves behind; and rows whose file is not what it was."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import islice

from qhse.attachments import storage
from qhse.attachments.contents import digest_of
from qhse.attachments.errors import StorageIsAway
from qhse.attachments.models import Attachment
from qhse.database import database_time

BATCH = 500


def orphans(*, older_than_hours: int) -> Iterator[str]:
    """
    Yield the names of files that no row names, and that were written so many hours ago.

    A younger one may wait for its row, because the file comes first. An upload that never ended counts as one. The
    earlier of two clocks counts, the storage's and the database's. So one that is ahead removes nothing that is young.

    Raises StorageIsAway.
    """
    before = min(storage.present(), database_time()) - timedelta(hours=older_than_hours)
    for names in _batches(storage.all_names()):
        named = {
            name
            for column in ("stored_as", "preview_as")
            for name in Attachment.objects.filter(**{f"{column}__in": names}).values_list(column, flat=True)
        }
        for name in names:
            written_at = None if name in named else storage.written_at(name)
            if written_at is not None and written_at < before:
                yield name


def remove_orphans(*, older_than_hours: int) -> Iterator[tuple[str, bool]]:
    """Remove what `orphans` finds. Yield each name, and whether it could be removed."""
    for name in orphans(older_than_hours=older_than_hours):
        yield name, storage.discard(name)


def checked() -> Iterator[tuple[Attachment, str]]:
    """
    Read every file that a row names, void ones too. Yield each row, and what is wrong with its file or nothing.

    One that cannot be read is wrong, and those behind it are read. Raises StorageIsAway when none can be.
    """
    for attachment in Attachment.objects.order_by("pk").iterator(chunk_size=BATCH):
        yield attachment, _fault(attachment)


def _fault(attachment: Attachment) -> str:
    try:
        with storage.reading(attachment.stored_as) as content:
            size, sha256 = digest_of(content)
    except StorageIsAway as error:
        if storage.lacks(error):
            return "is missing"
        storage.demand_answer()
        return f"could not be read: {error.__cause__}"
    return "" if (size, sha256) == (attachment.size, attachment.sha256) else "is not what was attached"


def _batches(names: Iterable[str]) -> Iterator[list[str]]:
    left = iter(names)
    while batch := list(islice(left, BATCH)):
        yield batch
