"""Putting a file on a record, and declaring one void."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F

from audit.services import record
from qhse import clock
from qhse.accounts.models import User
from qhse.attachments import storage
from qhse.attachments.contents import Facts, examined
from qhse.attachments.errors import (
    AttachmentNotFound,
    DescriptionIsTooLong,
    FileNameIsInvalid,
    ReasonIsMissing,
    RecordHasTooManyFiles,
    RecordIsUnknown,
    RecordNeedsAFile,
    StorageIsAway,
)
from qhse.attachments.models import MAX_DESCRIPTION, MAX_REASON, Attachment
from qhse.attachments.names import MAX_NAME, file_name
from qhse.attachments.registry import RecordKind, kind_of
from qhse.errors import RecordNotFound, demand_version
from qhse.text import plain
from qhse.wakeup import wake_workers


def attach(
    *, entity_type: str, entity_id: str, name: str, content: Any, actor: User, description: str = ""
) -> Attachment:
    """
    Put a file on a record. `content` is open for reading, and stays open.

    First the file is stored, under a new name. Then row and audit entry are stored together or not at all, under the
    record's lock. Before the commit the file is looked for once more. So no row lacks its file. A file whose row was
    refused is removed; what a kill leaves behind `remove_orphaned_files` finds. A repetition attaches a second one.

    Raises EntityTypeIsUnknown, RecordIsUnknown, FileNameIsInvalid, DescriptionIsTooLong, what `examined` raises,
    StorageIsAway, RecordHasTooManyFiles, and what the record's kind refuses.
    """
    kind = kind_of(entity_type)
    stored_name, described = _named(name), plain(description)
    if len(described) > MAX_DESCRIPTION:
        raise DescriptionIsTooLong(
            f"The description must have at most {MAX_DESCRIPTION} characters.", field="description"
        )
    facts = examined(content, stored_name)
    stored_as = storage.keep(content)
    is_decided = False
    try:
        with transaction.atomic():
            attachment = _attach(kind, entity_id, stored_name, stored_as, described, facts, actor)
            _demand_file(stored_as)
            is_decided = True
    except BaseException:
        # Not after a commit that failed: it may have happened, and then its row needs the file.
        if not is_decided:
            storage.discard(stored_as)
        raise
    return attachment


def _attach(
    kind: RecordKind, entity_id: str, name: str, stored_as: str, description: str, facts: Facts, actor: User
) -> Attachment:
    try:
        kind.lock(entity_id)
    except RecordNotFound as refusal:
        raise RecordIsUnknown(refusal.detail, field="entity_id") from None
    # Void ones count as well: their files stay, and the bound is for the storage.
    if _of_record(kind.entity_type, entity_id).count() >= settings.ATTACHMENT_MAX_PER_RECORD:
        raise RecordHasTooManyFiles(f"A record has at most {settings.ATTACHMENT_MAX_PER_RECORD} files.")
    attachment = Attachment.objects.create(
        entity_type=kind.entity_type, entity_id=entity_id, name=name, stored_as=stored_as,
        description=description, uploaded_by=actor, **facts._asdict(),
    )  # fmt: skip
    changes = {
        "attachment_id": (None, attachment.pk),
        "file_name": (None, name),
        "media_type": (None, facts.media_type),
    }
    changes |= {"size": (None, facts.size), "sha256": (None, facts.sha256)}
    changes |= {"file_description": (None, description)} if description else {}
    _record(attachment, actor, "FILE_ATTACHED", changes)
    wake_workers()  # a picture wants a preview
    return attachment


def _demand_file(stored_as: str) -> None:
    """
    Raise StorageIsAway unless the file is there.

    The lock may have been waited for, and `remove_orphaned_files` knows only clocks.
    """
    if not storage.exists(stored_as):
        raise StorageIsAway("The stored file has gone; send it again.")


@transaction.atomic
def void_attachment(
    *, attachment_id: int, reason: str, actor: User, expected_versions: Collection[int] | None = None
) -> Attachment:
    """
    Declare a file void, once. Its content is given to nobody any more, and stays in the storage.

    Row and audit entry are stored together or not at all. Locks the record, then the row. Voiding a void one changes
    nothing.

    Raises ReasonIsMissing, AttachmentNotFound, RecordHasChanged, RecordNeedsAFile, and what the record's kind refuses.
    """
    reason = plain(reason)
    if not 1 <= len(reason) <= MAX_REASON:
        raise ReasonIsMissing(f"A reason of 1 to {MAX_REASON} characters is needed.", field="reason")
    known = found(attachment_id)
    kind = kind_of(known.entity_type)
    kind.lock(known.entity_id)
    attachment = Attachment.objects.select_for_update(no_key=True, of=("self",)).get(pk=attachment_id)
    demand_version(attachment.version, expected_versions)
    if attachment.voided_at is not None:
        return attachment
    _demand_another(kind, attachment)
    Attachment.objects.filter(pk=attachment.pk).update(
        voided_at=clock.present(), voided_by=actor, void_reason=reason, version=F("version") + 1
    )
    attachment.refresh_from_db()
    changes = {
        "attachment_id": (attachment.pk, None),
        "file_name": (attachment.name, None),
        "media_type": (attachment.media_type, None),
        "size": (attachment.size, None),
        "sha256": (attachment.sha256, None),
    }
    _record(attachment, actor, "FILE_VOIDED", changes, reason)
    return attachment


def _demand_another(kind: RecordKind, attachment: Attachment) -> None:
    """Raise RecordNeedsAFile for the last valid file of a record that cannot be without one."""
    others = _of_record(attachment.entity_type, attachment.entity_id).filter(voided_at=None).exclude(pk=attachment.pk)
    if kind.needs_a_file(attachment.entity_id) and not others.exists():
        raise RecordNeedsAFile("It is the last file that shows what was done. Attach the right one first.")


def found(attachment_id: int) -> Attachment:
    """Raises AttachmentNotFound."""
    attachment = Attachment.objects.filter(pk=attachment_id).first()
    if attachment is None:
        raise AttachmentNotFound(f"There is no attachment {attachment_id}.")
    return attachment


def _of_record(entity_type: str, entity_id: str) -> Any:
    return Attachment.objects.filter(entity_type=entity_type, entity_id=entity_id)


def _named(text: str) -> str:
    name = file_name(text)
    if not name:
        raise FileNameIsInvalid(f"The file needs a name of 1 to {MAX_NAME} characters that can be read.", field="file")
    return name


def _record(attachment: Attachment, actor: User, action: str, changes: dict[str, Any], reason: str = "") -> None:
    """Leave an entry of the record's own, so that its history has it."""
    record(
        actor=actor, action=action, entity_type=attachment.entity_type, entity_id=attachment.entity_id,
        changes=changes, reason=reason,
    )  # fmt: skip
