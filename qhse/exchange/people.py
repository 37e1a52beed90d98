"""Who stands behind what an import has written: beside who has started it, who has prepared it."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from audit.models import AuditEntry
from qhse.accounts.models import User

BY_IMPORTS = ("worker", "command")
"""Sources of the entries that rows of an import leave."""
_PREPARING = ("IMPORT_PREVIEWED", "IMPORT_CHANGED", "IMPORT_STARTED")


def prepared_import_of(user: User, entity_type: str, entity_id: object) -> bool:
    """
    Answer whether an import has written to a record that this person has checked, set up or started.

    What it says comes from a file, and who has handed in the file has handed in the record, whoever pressed the button.
    Asked of the trail, which knows all of them: the entries that rows leave carry the request that started the import,
    and so does the entry of that start.
    """
    entries = AuditEntry.objects.about(entity_type, entity_id).exclude(request_id="")
    requests = set(entries.filter(source__in=BY_IMPORTS).values_list("request_id", flat=True))
    started = AuditEntry.objects.filter(action="IMPORT_STARTED", request_id__in=requests)
    imports = set(started.values_list("entity_id", flat=True))
    prepared = AuditEntry.objects.filter(entity_type="import", entity_id__in=imports, action__in=_PREPARING)
    return prepared.filter(actor_id=user.pk).exists()


def requests_prepared_by(user: User) -> QuerySet[AuditEntry, Any]:
    """Return the requests by which imports were started that this person has checked, set up or started."""
    prepared = AuditEntry.objects.filter(entity_type="import", action__in=_PREPARING, actor_id=user.pk)
    started = AuditEntry.objects.filter(action="IMPORT_STARTED", entity_id__in=prepared.values("entity_id"))
    return started.exclude(request_id="").values("request_id")
