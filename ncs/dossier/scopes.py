"""What a dossier is about: a record with what belongs to it, or a period."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db.models import Model, Q, QuerySet

from audit.models import AuditEntry
from audit.words import kind_of
from ncs.errors import DossierIsInvalid
from ncs.models import CorrectiveAction, NonConformity
from ncs.sampling import period
from qhse.attachments.models import Attachment
from qhse.errors import RecordNotFound
from suppliers.models import Certificate, Supplier

MODELS: dict[str, type[Model]] = {
    "nonconformity": NonConformity,
    "action": CorrectiveAction,
    "supplier": Supplier,
    "certificate": Certificate,
}
"""The kinds of record that have a dossier, as entries of the trail name them."""


class RecordIsUnknown(RecordNotFound):
    """Of no record there is no dossier."""


@dataclass(frozen=True)
class Scope:
    """
    What is in a dossier. `told_as` names it, `described_as` stands in the manifest of the export.

    A record has its `kind`; a period has its days. Its files are those that were not declared void.
    """

    title: str
    name: str  # in file names
    described_as: dict[str, Any]
    entries: QuerySet[AuditEntry]
    files: QuerySet[Attachment]
    kind: str = ""
    record: Any = None
    days: tuple[date, date] | None = None
    related: Mapping[str, list[int]] = field(default_factory=dict)


def scope_of_record(kind: str, pk: int) -> Scope:
    """
    Return what belongs to a record: of a case its actions, of a supplier its certificates, their entries and files.

    The cases of a supplier have dossiers of their own. Raises DossierIsInvalid, RecordIsUnknown.
    """
    if kind not in MODELS:
        raise DossierIsInvalid(f"Dossiers are of one of {', '.join(MODELS)}.", field="entity_type")
    record = MODELS[kind]._default_manager.filter(pk=pk).first()
    if record is None:
        raise RecordIsUnknown(f"There is no {kind_of(kind)} {pk}.")
    related: dict[str, list[int]] = {kind: [pk]}
    if isinstance(record, NonConformity):
        related["action"] = list(record.actions.order_by("id").values_list("pk", flat=True))
    elif isinstance(record, Supplier):
        related["certificate"] = list(record.certificates.order_by("id").values_list("pk", flat=True))
    chosen = Q(pk=None)
    for each, pks in related.items():
        chosen |= Q(entity_type=each, entity_id__in=[str(key) for key in pks])
    number = _number_of(record)
    return Scope(
        title=f"Dossier {number}", name=f"{kind}-{pk}", kind=kind, record=record, related=related,
        described_as={each: pks for each, pks in related.items() if pks},
        entries=AuditEntry.objects.filter(chosen), files=_valid().filter(chosen),
    )  # fmt: skip


def scope_of_period(first: date, last: date) -> Scope:
    """Return what was recorded on these days, in UTC, whatever it is about. Raises PeriodIsInvalid."""
    since, until = period(first, last)
    return Scope(
        title=f"Dossier {first} to {last}", name=f"{first}-to-{last}", days=(first, last),
        described_as={"since": since.isoformat(), "until": until.isoformat()},
        entries=AuditEntry.objects.filter(created_at__gte=since, created_at__lt=until),
        files=_valid().filter(uploaded_at__gte=since, uploaded_at__lt=until),
    )  # fmt: skip


def _valid() -> QuerySet[Attachment]:
    return Attachment.objects.filter(voided_at__isnull=True).select_related("uploaded_by").order_by("id")


def _number_of(record: Any) -> str:
    if isinstance(record, Supplier):
        return f"{record.code} {record.name}"
    return record.number if isinstance(record, NonConformity) else str(record)
