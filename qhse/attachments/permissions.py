"""Who may read, attach and void files: who may read and write the record that they are on."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import PermissionDenied

from qhse.accounts.rights import refusal
from qhse.api.permissions import RolePermission
from qhse.attachments.registry import kind_of, roles


class AttachmentPermission(RolePermission):
    """The first look, at what no kind of record allows. `demand_right` follows once the record's kind is known."""

    table = roles


def demand_right(user: Any, action: str, entity_type: str) -> None:
    """Raise PermissionDenied unless the table of this kind of record allows it. Raises EntityTypeIsUnknown."""
    kind = kind_of(entity_type)
    if not kind.allows(user, action):
        raise PermissionDenied(refusal(user, kind.action_for(action), kind.table))
