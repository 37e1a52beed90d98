"""The one filter of files: their record."""

from __future__ import annotations

from typing import ClassVar

import django_filters as filters

from qhse.api.filters import TextFilter
from qhse.attachments.models import Attachment


class AttachmentFilter(filters.FilterSet):
    entity_type = TextFilter(max_length=64, required=True)
    entity_id = TextFilter(max_length=64, required=True)

    class Meta:
        model = Attachment
        fields: ClassVar[list[str]] = []
