"""Which records of this app take files: open cases, and the actions on them. The lock is always the case's."""

from __future__ import annotations

import re

from ncs.errors import ActionNotFound, NonConformityNotFound
from ncs.models import CorrectiveAction
from ncs.permissions import ACTION_ROLES, NC_ROLES
from ncs.services.storing import locked_open
from qhse.attachments.registry import RecordKind, register

_ID = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)


def lock_case(text: str) -> None:
    """Lock an open case. Raises NonConformityNotFound, NonConformityIsClosed."""
    if not _ID.fullmatch(text):
        raise NonConformityNotFound(f"There is no non-conformity {text}.")
    locked_open(int(text))


def lock_case_of_action(text: str) -> None:
    """Lock the open case of an action. Raises ActionNotFound, NonConformityIsClosed."""
    known = CorrectiveAction.objects.filter(pk=int(text)) if _ID.fullmatch(text) else CorrectiveAction.objects.none()
    nc_id = known.values_list("nc_id", flat=True).first()
    if nc_id is None:
        raise ActionNotFound(f"There is no action {text}.")
    locked_open(nc_id)


def stands_on_its_files(text: str) -> bool:
    """Answer whether an action was completed without a note: its files say what was done."""
    return CorrectiveAction.objects.filter(pk=int(text), done_note="", done_at__isnull=False).exists()


register(RecordKind("nonconformity", NC_ROLES, read="retrieve", write="correct", lock=lock_case))
register(
    RecordKind(
        "action", ACTION_ROLES, read="retrieve", write="change", lock=lock_case_of_action,
        needs_a_file=stands_on_its_files,
    )
)  # fmt: skip
