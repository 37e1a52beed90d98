"""Evidence: files on records of other apps."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from qhse.attachments.contents import MEDIA_TYPES
from qhse.attachments.headers import SHOWN
from qhse.attachments.names import MAX_NAME

MAX_DESCRIPTION = 500  # characters
MAX_REASON = 2000


_IS_A_PICTURE = Q(media_type__in=sorted(SHOWN), voided_at__isnull=True)


class AttachmentQuerySet(models.QuerySet["Attachment"]):
    def without_preview(self) -> AttachmentQuerySet:
        """Return the pictures at which no worker has looked yet."""
        return self.filter(_IS_A_PICTURE, preview_as=None)


class Attachment(models.Model):
    """
    One file on one record, which `entity_type` and `entity_id` name as audit entries do.

    `services` writes it. The file lies in the storage under `stored_as`, a name of ours, and is never overwritten. It
    was there before the row. `sha256` and `size` are those of the file, `media_type` is what its content is. A mistaken
    one is declared void, once, with a reason: its content is then given to nobody, and kept. `preview_as` names the
    small picture of a picture: None until a worker has looked, and empty if there can be none. `version` counts the
    changes. Rows are never deleted.
    """

    entity_type = models.CharField(max_length=64)
    entity_id = models.CharField(max_length=64)
    name = models.CharField(max_length=MAX_NAME)
    media_type = models.CharField(max_length=100)
    size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    stored_as = models.CharField(max_length=64, unique=True)
    description = models.CharField(max_length=MAX_DESCRIPTION, blank=True, default="", db_default="")
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    uploaded_at = models.DateTimeField(db_default=Now(), editable=False)
    voided_at = models.DateTimeField(null=True, editable=False)
    voided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, db_index=False
    )
    void_reason = models.TextField(max_length=MAX_REASON, blank=True, default="", db_default="")
    preview_as = models.CharField(max_length=64, null=True, editable=False)
    version = models.PositiveIntegerField(default=1, db_default=1, editable=False)

    objects = AttachmentQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        default_permissions = ("view",)
        constraints = (
            models.CheckConstraint(
                condition=~Q(entity_type="") & ~Q(entity_id=""),
                name="attachment_has_a_record",
                violation_error_message="A file belongs to a record.",
            ),
            models.CheckConstraint(
                condition=~Q(name=""),
                name="attachment_has_a_name",
                violation_error_message="A file needs a name.",
            ),
            models.CheckConstraint(
                condition=Q(size__gt=0),
                name="attachment_is_not_empty",
                violation_error_message="A file is not empty.",
            ),
            models.CheckConstraint(
                condition=~Q(sha256="") & ~Q(stored_as=""),
                name="attachment_is_stored",
                violation_error_message="A file has a digest and a place in the storage.",
            ),
            models.CheckConstraint(
                condition=Q(media_type__in=MEDIA_TYPES),
                name="attachment_kind_is_known",
                violation_error_message="Files of this kind are not taken.",
            ),
            models.CheckConstraint(
                condition=(Q(voided_at__isnull=False, voided_by__isnull=False) & ~Q(void_reason=""))
                | Q(voided_at__isnull=True, voided_by__isnull=True, void_reason=""),
                name="attachment_void_has_time_person_and_reason",
                violation_error_message="A void file has time, person and reason of that; others have none of them.",
            ),
        )
        indexes = (
            models.Index(fields=("entity_type", "entity_id", "id"), name="attachment_by_record"),
            models.Index(
                fields=("id",), condition=_IS_A_PICTURE & Q(preview_as=None), name="attachment_without_preview"
            ),
            models.Index(fields=("preview_as",), condition=Q(preview_as__gt=""), name="attachment_by_preview"),
        )

    def __str__(self) -> str:
        return self.name
