"""The plan of an action: what is to be done, by whom, and until when."""

from __future__ import annotations

from typing import Any

from ncs.errors import DetailIsInvalid
from ncs.models import CorrectiveAction
from ncs.models.action import MAX_CONTACT, MAX_TITLE
from ncs.services.fields import details
from ncs.services.storing import iso
from qhse.text import LineRefused, one_line


def planned(values: dict[str, Any], present: dict[str, Any] | None = None) -> dict[str, Any]:
    """
    Return the plan of an action as it is stored. An owner who stands there already may have left meanwhile.

    Raises DetailIsInvalid, OwnerIsUnknown.
    """
    try:
        read = {
            "title": one_line(values["title"], called="title"),
            "contact": one_line(values["contact"], called="contact"),
        }
    except LineRefused as refusal:
        raise DetailIsInvalid(str(refusal), field="title" if "title" in str(refusal) else "contact") from None
    if not 1 <= len(read["title"]) <= MAX_TITLE:
        raise DetailIsInvalid(f"The title must have 1 to {MAX_TITLE} characters.", field="title")
    if len(read["contact"]) > MAX_CONTACT:
        raise DetailIsInvalid(f"The contact must have at most {MAX_CONTACT} characters.", field="contact")
    if (values["owner_id"] is None) == (not read["contact"]):
        raise DetailIsInvalid(
            "An action belongs to a user or to a contact at the supplier: name one.", field="owner_id"
        )
    if values["due_on"] is None:
        raise DetailIsInvalid("An action has a due date.", field="due_on")
    present = present or {}
    checked = {name: values[name] for name in ("owner_id", "due_on") if values[name] != present.get(name)}
    return read | {"owner_id": values["owner_id"], "due_on": values["due_on"]} | details(checked)


def plan_of(action: CorrectiveAction) -> dict[str, Any]:
    """Return the plan as events tell it."""
    return {"owner_id": action.owner_id, "contact": action.contact, "due_on": iso(action.due_on)}
