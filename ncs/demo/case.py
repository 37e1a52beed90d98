"""The story of one demo case: what was said and done about it until now, by the services."""

from __future__ import annotations

import io
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ncs.choices import ActionKind
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

_CONTAINED = (
    "Lot blocked, stock of the two lots before sorted, line informed",
    "Delivery quarantined in the inspection area, customer warned",
    "All parts in assembly checked by hand until the next lot is released",
)
_CAUSES = (
    ("machine", "Bore too large.\nWhy? The reamer was worn.\nWhy? Its life was not counted.\nWhy? No interval is set."),
    ("method", "Wrong label.\nWhy? Two orders were packed at once.\nWhy? The packing plan allows it."),
    ("people", "Torque missed.\nWhy? The shift was new.\nWhy? Training covers the old tool alone."),
    (
        "material",
        "Cracks after forming.\nWhy? The bar stock was too hard.\nWhy? Certificate not compared.",
    ),
    ("measurement", "Deviation not seen.\nWhy? The gauge was out of calibration.\nWhy? It was missing in the plan."),
)
_DISPOSED = (
    ("sort", "Good parts are needed this week"),
    ("rework", "Can be mended without loss of strength"),
    ("return", "The supplier takes the lot back"),
    ("scrap", "Cannot be mended"),
    ("use_as_is", "Function and life are not affected, says design"),
)
_PLANS = (
    (ActionKind.CORRECTIVE, "Set an interval for the tool change"),
    (ActionKind.CORRECTIVE, "Change the packing plan: one order at a time"),
    (ActionKind.CORRECTIVE, "Train both shifts at the new tool"),
    (ActionKind.PREVENTIVE, "Compare certificates of all bar stock with the order"),
    (ActionKind.CORRECTION, "Sort the stock at the supplier's cost"),
)
_CONTACTS = ("Anna Weiss, quality", "Marco Ferri, production", "Jan Novák, dispatch")
_DONE = "Done as agreed, evidence seen on site"
_EFFECTIVE = "No finding in the three lots after it"
PICTURED = 0.15  # of the cases that somebody works on
_INEFFECTIVE = "The same defect in the second lot after it"


@dataclass
class Story:
    """A demo case, with the times in the past at which its rows changed."""

    nc: NonConformity
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
        contain_nonconformity(nc_id=nc.pk, containment=rng.choice(_CONTAINED), actor=quality)
        hours = 3 + nc.pk * 7 % 40  # most in time
        story.times["contained_at"] = min(at(0.1), story.opened + timedelta(hours=hours))
    if share > 0.25:
        _decide(story, rng, quality, admin)
        story.times["disposed_at"] = at(0.25)
    if share > 0.4 and nc.severity != Severity.LOW:
        code, cause = rng.choice(_CAUSES)
        analyse_nonconformity(nc_id=nc.pk, cause_code=code, root_cause=cause, actor=quality)
        story.times["analysed_at"] = at(0.4)
    if share > 0.5 and (nc.severity == Severity.HIGH or (nc.severity == Severity.MEDIUM and rng.random() < 0.4)):
        _act(story, share, rng, people, at)


def _photograph(story: Story, rng: random.Random, quality: User) -> None:
    given = {"entity_type": "nonconformity", "entity_id": str(story.nc.pk), "description": "As found, marked in red"}
    file = attach(**given, name="found.png", content=io.BytesIO(drawn(rng)), actor=quality)
    story.files.append((file, {"uploaded_at": story.opened + timedelta(minutes=20)}))


def _decide(story: Story, rng: random.Random, quality: User, admin: User) -> None:
    disposition, why = rng.choice(_DISPOSED)
    dispose_nonconformity(
        nc_id=story.nc.pk,
        disposition=disposition,
        disposition_qty=story.nc.qty_defective,
        reason=why,
        actor=quality,
    )
    if disposition == "use_as_is":
        concede_nonconformity(nc_id=story.nc.pk, reason="Checked against the drawing", actor=admin)


def _act(story: Story, share: float, rng: random.Random, people: Mapping[str, User], at: Any) -> None:
    """Agree on actions and, as far as the case has come, complete and verify them."""
    quality, admin = people["quality"], people["admin"]
    plans = [_PLANS[rng.randrange(3)], *rng.sample(_PLANS[3:], k=rng.randint(0, 1))]
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
