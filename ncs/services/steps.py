"""The steps of an open case: who owns it, what contains it, what caused it, what happens to the product."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

from django.db import transaction

from audit.models import AuditEntry
from ncs.choices import Disposition
from ncs.errors import DetailIsInvalid, NonConformityMoveIsForbidden
from ncs.events import (
    NonConformityAnalysed,
    NonConformityAssigned,
    NonConformityConceded,
    NonConformityContained,
    NonConformityDispositioned,
    NonConformityEvent,
)
from ncs.models import NonConformity
from ncs.services.fields import MAX_DESCRIPTION, demanded, details, said
from ncs.services.storing import differing, iso, locked_open, store_change
from outbox.publisher import publish
from qhse import clock
from qhse.accounts.models import User
from qhse.errors import AnotherPersonMust
from qhse.exchange.people import prepared_import_of
from qhse.text import plain

Versions = Collection[int] | None


@transaction.atomic
def assign_nonconformity(
    *,
    nc_id: int,
    owner_id: int | None,
    actor: User,
    due_on: date | None = None,
    reason: str = "",
    expected_versions: Versions = None,
) -> NonConformity:
    """
    Give an open case to somebody, or to nobody, and perhaps another due date. None leaves the date as it is.

    Row, audit entry and NonConformityAssigned event are stored together or not at all. Locks the case. What stands
    there already changes and publishes nothing.

    Raises NonConformityNotFound, NonConformityIsClosed, RecordHasChanged, OwnerIsUnknown, DetailIsInvalid; and
    ReasonIsMissing for another due date without one.
    """
    values: dict[str, Any] = {"owner_id": owner_id} | ({} if due_on is None else {"due_on": due_on})
    nc = locked_open(nc_id, expected_versions)
    values = details({name: new for name, (_, new) in differing(nc, values).items()})
    reason = demanded(reason, to="for another due date") if "due_on" in values else plain(reason)
    values |= {"overdue_told": None} if "due_on" in values else {}
    if store_change(nc, values, actor=actor, action="NC_ASSIGNED", reason=reason):
        _publish(nc, NonConformityAssigned, actor, owner_id=nc.owner_id, due_on=iso(nc.due_on))
    return nc


@transaction.atomic
def contain_nonconformity(
    *, nc_id: int, containment: str, actor: User, expected_versions: Versions = None
) -> NonConformity:
    """
    Say what keeps the defect from doing harm (8D: D3). It may be said anew; the time stays that of the first.

    Row, audit entry and NonConformityContained event are stored together or not at all. Locks the case. The same text
    changes and publishes nothing.

    Raises NonConformityNotFound, NonConformityIsClosed, RecordHasChanged, DetailIsInvalid.
    """
    text = said(containment, field="containment", called="containment")
    nc = locked_open(nc_id, expected_versions)
    values: dict[str, Any] = {"containment": text}
    if differing(nc, values):
        values |= {"contained_at": nc.contained_at or clock.present(), "contained_by_id": actor.pk}
        store_change(nc, values, actor=actor, action="NC_CONTAINED")
        _publish(nc, NonConformityContained, actor)
    return nc


@transaction.atomic
def analyse_nonconformity(
    *, nc_id: int, cause_code: str, root_cause: str, actor: User, expected_versions: Versions = None
) -> NonConformity:
    """
    Say what caused it, as text (five whys, say) and by its class (8D: D4). It may be said anew.

    Stored, locked and refused as by `contain_nonconformity`, with NonConformityAnalysed.
    """
    values = details({"cause_code": cause_code})
    if not values["cause_code"]:
        raise DetailIsInvalid("The class of the cause is needed.", field="cause_code")
    values["root_cause"] = said(root_cause, field="root_cause", called="root cause", most=MAX_DESCRIPTION)
    nc = locked_open(nc_id, expected_versions)
    if differing(nc, values):
        values |= {"analysed_at": clock.present(), "analysed_by_id": actor.pk}
        store_change(nc, values, actor=actor, action="NC_ANALYSED")
        _publish(nc, NonConformityAnalysed, actor, cause_code=nc.cause_code)
    return nc


@transaction.atomic
def dispose_nonconformity(
    *,
    nc_id: int,
    disposition: str,
    actor: User,
    reason: str,
    disposition_qty: int | None = None,
    expected_versions: Versions = None,
) -> NonConformity:
    """
    Decide what happens to the product. Another decision takes a concession back.

    Stored, locked and refused as by `contain_nonconformity`, with NonConformityDispositioned. Raises ReasonIsMissing
    as well.
    """
    values = details({"disposition": disposition, "disposition_qty": disposition_qty})
    if not values["disposition"]:
        raise DetailIsInvalid(f"The disposition must be one of {', '.join(Disposition.values)}.", field="disposition")
    values["disposition_reason"] = demanded(reason, to="for a disposition")
    nc = locked_open(nc_id, expected_versions)
    if differing(nc, values):
        values |= {"disposed_at": clock.present(), "disposed_by_id": actor.pk, "concession_by_id": None}
        store_change(nc, values, actor=actor, action="NC_DISPOSITIONED", reason=values["disposition_reason"])
        _publish(nc, NonConformityDispositioned, actor, disposition=nc.disposition, qty=nc.disposition_qty)
    return nc


@transaction.atomic
def concede_nonconformity(*, nc_id: int, actor: User, reason: str, expected_versions: Versions = None) -> NonConformity:
    """
    Give the concession that use as is asks for (ISO 9001:2015, 8.7.1 d): by somebody else than who `stands_behind` it.

    Row, audit entry and NonConformityConceded event are stored together or not at all. Locks the case. One that stands
    there already changes and publishes nothing.

    Raises NonConformityNotFound, NonConformityIsClosed, RecordHasChanged, ReasonIsMissing, AnotherPersonMust, and
    NonConformityMoveIsForbidden for another disposition.
    """
    reason = demanded(reason, to="for a concession")
    nc = locked_open(nc_id, expected_versions)
    if nc.disposition != Disposition.USE_AS_IS:
        raise NonConformityMoveIsForbidden(f"{nc.number} is not to be used as it is, so it needs no concession.")
    if nc.concession_by_id is not None:
        return nc
    if stands_behind(nc, actor):
        raise AnotherPersonMust(
            "A concession is given by somebody else than who reported the case or corrected what was recorded of it, "
            "or prepared the import that did."
        )
    store_change(nc, {"concession_by_id": actor.pk}, actor=actor, action="NC_CONCESSION_GIVEN", reason=reason)
    _publish(nc, NonConformityConceded, actor)
    return nc


def stands_behind(nc: NonConformity, user: User) -> bool:
    """
    Answer whether somebody reported a case or corrected it, so that another person has to give the concession.

    It rests on what they have said. Who prepared the import that did it has said it, too. Who corrected it is asked of
    the trail. An entry of the earlier case alone is none: it may follow from what was done to that one.
    """
    if nc.reported_by_id == user.pk:
        return True
    corrected = AuditEntry.objects.about("nonconformity", nc.pk).filter(action="NC_CORRECTED", actor_id=user.pk)
    if any(set(entry.shown_changes) != {"repeat_of_id"} for entry in corrected):
        return True
    return prepared_import_of(user, "nonconformity", nc.pk)


def _publish(nc: NonConformity, kind: type[NonConformityEvent], actor: User, **more: Any) -> None:
    publish(kind(nc_id=nc.pk, supplier_id=nc.supplier_id, severity=nc.severity, **more), actor=actor)
