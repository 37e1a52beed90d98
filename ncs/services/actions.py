"""The actions on a case: agreed on, begun, completed, verified by somebody else, or cancelled."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from audit.services import record
from ncs.choices import ActionKind, ActionStatus, NcStatus
from ncs.errors import (
    ActionMoveIsForbidden,
    ActionNotFound,
    CaseHasTooManyActions,
    DetailIsInvalid,
    NonConformityIsClosed,
)
from ncs.events import (
    ActionCancelled,
    ActionChanged,
    ActionDone,
    ActionEvent,
    ActionOpened,
    ActionStarted,
    ActionVerified,
)
from ncs.models import CorrectiveAction, NonConformity
from ncs.services.fields import demanded, said
from ncs.services.people import may_own
from ncs.services.plans import plan_of, planned
from ncs.services.storing import differing, locked_open, store
from ncs.workflow import RUNNING, action_may_move
from outbox.publisher import publish
from qhse import clock
from qhse.accounts.models import User
from qhse.attachments.models import Attachment
from qhse.errors import AnotherPersonMust, demand_version
from qhse.queries import WrittenInsert
from qhse.text import plain

Versions = Collection[int] | None
MOST_ACTIONS = 200  # on a case: its page and its report show all of them, and voiding it cancels all in one transaction


@transaction.atomic
def open_action(
    *,
    nc_id: int,
    kind: str,
    title: str,
    actor: User,
    owner_id: int | None = None,
    contact: str = "",
    due_on: date | None = None,
    expected_versions: Versions = None,
) -> CorrectiveAction:
    """
    Agree on an action on an open case. Its owner is a user, or a `contact` at the supplier; without either, the actor.

    Without a due date it has that of its case. Row, counts and version of the case, audit entry and ActionOpened event
    are stored together or not at all. Locks the case. The `expected_versions` are the case's.

    Raises NonConformityNotFound, NonConformityIsClosed, RecordHasChanged, DetailIsInvalid, OwnerIsUnknown,
    CaseHasTooManyActions.
    """
    nc = locked_open(nc_id, expected_versions)
    values = planned(
        {
            "title": title,
            "owner_id": owner_id if owner_id is not None or contact else actor.pk,
            "contact": contact,
            "due_on": due_on or nc.due_on or clock.today() + timedelta(days=settings.NC_DUE_DAYS[nc.severity]),
        }
    )
    return _open(nc, kind, values, actor)


def _open(
    nc: NonConformity, kind: str, values: dict[str, Any], actor: User, follow_up_of: int | None = None
) -> CorrectiveAction:
    if follow_up_of is None and nc.actions.count() >= MOST_ACTIONS:
        raise CaseHasTooManyActions(f"{nc.number} has {MOST_ACTIONS} actions. Record another case for what is more.")
    if kind not in ActionKind.values:
        raise DetailIsInvalid(f"The kind must be one of {', '.join(ActionKind.values)}.", field="kind")
    action = CorrectiveAction(nc_id=nc.pk, kind=kind, created_by=actor, follow_up_of_id=follow_up_of, **values)
    _new_action.insert(action)
    told = {"nc_id": nc.pk, "kind": kind, "status": action.status, **values, "follow_up_of_id": follow_up_of}
    _record(action, actor, "CAPA_OPENED", {name: (None, new) for name, new in told.items() if new not in ("", None)})
    _count(nc, actions_open=1)
    _publish(action, nc, ActionOpened, actor, **plan_of(action), follow_up_of=follow_up_of)
    return action


_new_action = WrittenInsert(CorrectiveAction)


@transaction.atomic
def change_action(
    *, action_id: int, values: dict[str, Any], actor: User, reason: str = "", expected_versions: Versions = None
) -> CorrectiveAction:
    """
    Change title, owner, contact or due date of an action that is not completed.

    Row, version of the case, audit entry and ActionChanged event are stored together or not at all. Locks the case,
    then the action. What stands there already changes and publishes nothing.

    Raises ActionNotFound, NonConformityIsClosed, RecordHasChanged, ActionMoveIsForbidden, DetailIsInvalid,
    OwnerIsUnknown; and ReasonIsMissing for another due date without one.
    """
    if unknown := sorted(set(values) - {"title", "owner_id", "contact", "due_on"}):
        raise DetailIsInvalid(f"{', '.join(unknown)}: cannot be changed.", field=unknown[0])
    action, nc = _locked(action_id, expected_versions)
    if action.status not in RUNNING:
        raise ActionMoveIsForbidden(f"The action is {action.get_status_display().lower()}: it changes no more.")
    if not values.get("contact") and values.get("owner_id") is not None:
        values = values | {"contact": ""}
    elif values.get("contact") and values.get("owner_id") is not None:
        raise DetailIsInvalid("It belongs to a user or to a contact at the supplier: name one.", field="owner_id")
    elif values.get("contact"):
        values = values | {"owner_id": None}
    wanted = {"title": action.title, "owner_id": action.owner_id, "contact": action.contact, "due_on": action.due_on}
    new = {name: value for name, (_, value) in differing(action, planned(wanted | values, wanted)).items()}
    if not new:
        return action
    reason = demanded(reason, to="for another due date") if "due_on" in new else plain(reason)
    new |= {"overdue_told": None} if "due_on" in new else {}
    _change(action, nc, new, actor, "CAPA_CHANGED", reason=reason)
    _publish(action, nc, ActionChanged, actor, **plan_of(action))
    return action


@transaction.atomic
def start_action(*, action_id: int, actor: User, expected_versions: Versions = None) -> CorrectiveAction:
    """
    Say that somebody has begun. One that has begun changes and publishes nothing.

    Stored, locked and refused as by `change_action`, with ActionStarted.
    """
    action, nc = _locked(action_id, expected_versions)
    if action.status == ActionStatus.IN_PROGRESS:
        return action
    _demand_move(action, ActionStatus.IN_PROGRESS, "begun")
    values = {"status": ActionStatus.IN_PROGRESS.value, "started_at": clock.present()}
    _change(action, nc, values, actor, "CAPA_STARTED")
    _publish(action, nc, ActionStarted, actor)
    return action


@transaction.atomic
def complete_action(
    *, action_id: int, actor: User, note: str = "", expected_versions: Versions = None
) -> CorrectiveAction:
    """
    Say that an action is done, and what was done. Somebody else then verifies whether it helped.

    Stored, locked and refused as by `change_action`, with ActionDone. It must have begun, unless it is a containment.
    Without a note, a file on the action has to show what was done: files are attached and voided under the same lock.
    """
    action, nc = _locked(action_id, expected_versions)
    _demand_move(action, ActionStatus.DONE, "completed")
    note = _told(action, note)
    values = {
        "status": ActionStatus.DONE.value,
        "done_at": clock.present(),
        "done_by_id": actor.pk,
        "done_note": note,
    }
    _change(action, nc, values, actor, "CAPA_DONE")
    _count(nc, actions_open=-1, actions_to_verify=1)
    _publish(action, nc, ActionDone, actor, done_by=actor.pk)
    return action


def _told(action: CorrectiveAction, note: str) -> str:
    """Return the note on what was done, as it is stored. Raises DetailIsInvalid for none without a file."""
    if plain(note):
        return said(note, field="note", called="note on what was done")
    if not Attachment.objects.filter(entity_type="action", entity_id=str(action.pk), voided_at=None).exists():
        raise DetailIsInvalid("Say what was done, or attach a file to the action that shows it.", field="note")
    return ""


@transaction.atomic
def verify_action(
    *, action_id: int, effective: bool, note: str, actor: User, expected_versions: Versions = None
) -> CorrectiveAction:
    """
    Say whether a completed action helped. If it did not, another action takes its place at once, as `follow_up`.

    Stored, locked and refused as by `change_action`, with ActionVerified; a follow-up with ActionOpened. Raises
    AnotherPersonMust for who completed it.
    """
    note = said(note, field="note", called="note on how it was verified")
    action, nc = _locked(action_id, expected_versions)
    verdict = ActionStatus.EFFECTIVE if effective else ActionStatus.INEFFECTIVE
    _demand_move(action, verdict, "verified")
    if action.done_by_id == actor.pk:
        raise AnotherPersonMust("An action is verified by somebody else than who completed it.")
    values = {
        "status": verdict.value,
        "verified_at": clock.present(),
        "verified_by_id": actor.pk,
        "verification_note": note,
    }
    _change(action, nc, values, actor, "CAPA_VERIFIED")
    is_cause_removed = effective and action.kind == ActionKind.CORRECTIVE
    _count(nc, actions_to_verify=-1, actions_effective=int(effective), corrective_effective=int(is_cause_removed))
    follow_up = None if effective else _follow_up(action, nc, actor)
    _publish(
        action, nc, ActionVerified, actor,
        effective=effective, verified_by=actor.pk, follow_up_id=follow_up.pk if follow_up else None,
    )  # fmt: skip
    return action


def _follow_up(action: CorrectiveAction, nc: NonConformity, actor: User) -> CorrectiveAction:
    """Open the action that takes the place of one that did not help: the same person's, with as many days again."""
    days = settings.NC_DUE_DAYS[nc.severity]
    values = {
        "title": action.title,
        "owner_id": _heir(action, actor),
        "contact": action.contact,
        "due_on": clock.today() + timedelta(days=days),
    }
    return _open(nc, action.kind, values, actor, follow_up_of=action.pk)


def _heir(action: CorrectiveAction, actor: User) -> int | None:
    """Return whose the follow-up is. Of an owner who has left it is the actor's."""
    has_left = action.owner_id is not None and not may_own(action.owner_id)
    return actor.pk if has_left else action.owner_id


@transaction.atomic
def cancel_action(*, action_id: int, reason: str, actor: User, expected_versions: Versions = None) -> CorrectiveAction:
    """
    Say that an action will not be done. One that takes the place of an ineffective one can be changed, not cancelled.

    Stored, locked and refused as by `change_action`, with ActionCancelled. Raises ReasonIsMissing. One that is
    cancelled already changes and publishes nothing.
    """
    reason = demanded(reason, to="to cancel an action")
    action, nc = _locked(action_id, expected_versions)
    if action.status == ActionStatus.CANCELLED:
        return action
    if action.follow_up_of_id is not None:
        raise ActionMoveIsForbidden(
            "It takes the place of an action that was not effective. Change what is to be done, by whom and until when."
        )
    _demand_move(action, ActionStatus.CANCELLED, "cancelled")
    _cancel(action, nc, reason, actor)
    return action


def cancel_running(nc: NonConformity, *, actor: User, reason: str) -> None:
    """Cancel what runs of the actions on a locked case, those that follow up others too."""
    for action in nc.actions.running().select_for_update(no_key=True).order_by("pk"):
        _cancel(action, nc, reason, actor)


def restore_follow_ups(nc: NonConformity, *, actor: User, reason: str) -> None:
    """Open those follow-ups of a locked case again that were cancelled with it: no ineffective action is left alone."""
    gone = nc.actions.filter(status=ActionStatus.CANCELLED, follow_up_of__status=ActionStatus.INEFFECTIVE)
    for action in gone.select_for_update(no_key=True, of=("self",)).order_by("pk"):
        _change(action, nc, {"status": ActionStatus.OPEN.value}, actor, "CAPA_OPENED", reason=reason)
        _count(nc, actions_open=1)
        _publish(action, nc, ActionOpened, actor, **plan_of(action), follow_up_of=action.follow_up_of_id)


def _cancel(action: CorrectiveAction, nc: NonConformity, reason: str, actor: User) -> None:
    _change(action, nc, {"status": ActionStatus.CANCELLED.value}, actor, "CAPA_CANCELLED", reason=reason)
    _count(nc, actions_open=-1)
    _publish(action, nc, ActionCancelled, actor, reason=reason)


# --- What they share --------------------------------------------------------------------------------------------------


def _locked(action_id: int, expected_versions: Versions) -> tuple[CorrectiveAction, NonConformity]:
    """Return an action and its open case, both locked: the case first, at which all who write to it queue up."""
    nc_id = CorrectiveAction.objects.filter(pk=action_id).values_list("nc_id", flat=True).first()
    if nc_id is None:
        raise ActionNotFound(f"There is no action {action_id}.")
    nc = NonConformity.objects.select_for_update(no_key=True, of=("self",)).get(pk=nc_id)
    action = CorrectiveAction.objects.select_for_update(no_key=True, of=("self",)).get(pk=action_id)
    demand_version(action.version, expected_versions)
    if nc.status != NcStatus.OPEN:
        raise NonConformityIsClosed(f"{nc.number}, which the action is on, is closed. Reopen it first.")
    return action, nc


def _demand_move(action: CorrectiveAction, target: ActionStatus, said_as: str) -> None:
    if not action_may_move(action.kind, action.status, target):
        why = (
            "it has not begun" if action.status == ActionStatus.OPEN else f"it is {action.get_status_display().lower()}"
        )
        raise ActionMoveIsForbidden(f"The action cannot be {said_as}: {why}.")


def _change(
    action: CorrectiveAction, nc: NonConformity, values: dict[str, Any], actor: User, what: str, *, reason: str = ""
) -> None:
    changes = differing(action, values)
    store(action, values)
    _record(action, actor, what, changes, reason)
    if what not in _COUNTED:
        store(nc, {})


_COUNTED = frozenset(
    {"CAPA_OPENED", "CAPA_DONE", "CAPA_VERIFIED", "CAPA_CANCELLED"}
)  # these change the case with their counts


def _record(action: CorrectiveAction, actor: User, what: str, changes: dict[str, Any], reason: str = "") -> None:
    record(actor=actor, action=what, entity_type="action", entity_id=action.pk, changes=changes, reason=reason)


def _count(nc: NonConformity, **more: int) -> None:
    """Add to the counts of a locked case. They are no facts of their own: the trail has the actions."""
    store(nc, {name: getattr(nc, name) + number for name, number in more.items()})


def _publish(action: CorrectiveAction, nc: NonConformity, kind: type[ActionEvent], actor: User, **more: Any) -> None:
    publish(kind(nc_id=nc.pk, supplier_id=nc.supplier_id, action_id=action.pk, kind=action.kind, **more), actor=actor)
