"""The story of one demo case: what was said and done about it until now, by the services."""

from __future__ import annotations

import io
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ncs.choices import ActionKind
from ncs.demo.defects import Defect
from ncs.demo.pictures import drawn
from ncs.models import CorrectiveAction, NonConformity
from ncs.services import (
    analyse_nonconformity,
    assign_nonconformity,
    complete_action,
    concede_nonconformity,
    contain_nonconformity,
    dispose_nonconformity,
    open_action,
    start_action,
    verify_action,
)
from ncs.services.fields import due_by
from qhse.accounts.models import User
from qhse.attachments.models import Attachment
from qhse.attachments.services import attach
from suppliers.choices import Severity

_CONTACTS = ("Anna Weiss, quality", "Marco Ferri, production", "Jan Novák, dispatch")
_DONE = "Done as agreed, evidence seen on site"
_EFFECTIVE = "No finding in the three lots after it"
PREVENTED = 0.5  # of the cases with actions
PICTURED = 0.15  # of the cases that somebody works on
_INEFFECTIVE = "The same defect in the second lot after it"


@dataclass
class Story:
    """A demo case, with the times in the past at which its rows changed."""

    nc: NonConformity
    defect: Defect
    opened: datetime
    times: dict[str, Any] = field(default_factory=dict)
    actions: list[tuple[CorrectiveAction, Mapping[str, Any]]] = field(default_factory=list)
    files: list[tuple[Attachment, Mapping[str, Any]]] = field(default_factory=list)


def tell(story: Story, *, until: datetime, share: float, rng: random.Random, people: Mapping[str, User]) -> None:
    """
    Take the steps that a case has behind it. `share` is how much of its way it has gone, from 0 to 1.

    A severe case is worked on in full, a slight one only decided on. One case in eight has nothing but its beginning.
    """
    nc, quality, admin = story.nc, people["quality"], people["admin"]
    owner = rng.choices((quality, admin, None), weights=(7, 2, 1))[0]
    story.times["due_on"] = due_by(nc.severity, story.opened.date())
    if owner is not None:
        assign_nonconformity(nc_id=nc.pk, owner_id=owner.pk, actor=quality)
    if rng.random() < 0.12:
        return
    way = until - story.opened

    def at(part: float) -> datetime:
        return min(story.opened + way * part, until)

    if rng.random() < PICTURED:
        _photograph(story, rng, quality)
    if share > 0.1 and (nc.severity == Severity.HIGH or rng.random() < 0.5):
        contain_nonconformity(nc_id=nc.pk, containment=story.defect.contained, actor=quality)
        hours = 3 + nc.pk * 7 % 40  # most in time
        story.times["contained_at"] = min(at(0.1), story.opened + timedelta(hours=hours))
    if share > 0.25:
        _decide(story, quality, admin)
        story.times["disposed_at"] = at(0.25)
    if share > 0.4 and nc.severity != Severity.LOW:
        code, cause = story.defect.cause_code, story.defect.root_cause
        analyse_nonconformity(nc_id=nc.pk, cause_code=code, root_cause=cause, actor=quality)
        story.times["analysed_at"] = at(0.4)
    if share > 0.5 and (nc.severity == Severity.HIGH or (nc.severity == Severity.MEDIUM and rng.random() < 0.4)):
        _act(story, share, rng, people, at)


def _photograph(story: Story, rng: random.Random, quality: User) -> None:
    given = {"entity_type": "nonconformity", "entity_id": str(story.nc.pk), "description": "As found, marked in red"}
    file = attach(**given, name="found.png", content=io.BytesIO(drawn(rng)), actor=quality)
    story.files.append((file, {"uploaded_at": story.opened + timedelta(minutes=20)}))


def _decide(story: Story, quality: User, admin: User) -> None:
    dispose_nonconformity(
        nc_id=story.nc.pk,
        disposition=story.defect.disposition,
        disposition_qty=story.nc.qty_defective,
        reason=story.defect.decided,
        actor=quality,
    )
    if story.defect.disposition == "use_as_is":
        concede_nonconformity(nc_id=story.nc.pk, reason=story.defect.decided, actor=admin)


def _act(story: Story, share: float, rng: random.Random, people: Mapping[str, User], at: Any) -> None:
    """Agree on actions and, as far as the case has come, complete and verify them."""
    quality, admin = people["quality"], people["admin"]
    plans = [(ActionKind.CORRECTIVE, story.defect.corrective)]
    plans += [(ActionKind.PREVENTIVE, story.defect.preventive)] if rng.random() < PREVENTED else []
    for kind, title in plans:
        by_supplier = rng.random() < 0.35
        given = {"contact": rng.choice(_CONTACTS)} if by_supplier else {"owner_id": rng.choice((quality, admin)).pk}
        action = open_action(nc_id=story.nc.pk, kind=kind.value, title=title, actor=quality, **given)
        times: dict[str, Any] = {"created_at": at(0.5), "due_on": (story.opened + timedelta(days=45)).date()}
        if share > 0.6:
            action = start_action(action_id=action.pk, actor=quality)
            times["started_at"] = at(0.6)
        if share > 0.75:
            action = complete_action(action_id=action.pk, note=_DONE, actor=quality)
            times["done_at"] = at(0.75)
        if share > 0.85:
            helped = share >= 1 or rng.random() < 0.7
            note = _EFFECTIVE if helped else _INEFFECTIVE
            action = verify_action(action_id=action.pk, effective=helped, note=note, actor=admin)
            times["verified_at"] = at(0.85)
        story.actions.append((action, times))
