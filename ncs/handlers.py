"""Reactions to events of non-conformities and of the actions on them."""

from __future__ import annotations

from ncs.events import (
    ActionCancelled,
    ActionChanged,
    ActionDone,
    ActionOpened,
    ActionOverdue,
    ActionVerified,
    NonConformityAssigned,
    NonConformityClosed,
    NonConformityCorrected,
    NonConformityOpened,
    NonConformityOverdue,
    NonConformityReopened,
)
from outbox.registry import handles_batch
from suppliers.handlers import REASSESS_RISK, reassess_risk

# All that can move a score: what is open, closed, a repeat, overdue (due dates as well) or did not help.
handles_batch(
    NonConformityOpened, NonConformityClosed, NonConformityReopened, NonConformityCorrected, NonConformityAssigned,
    NonConformityOverdue, ActionOpened, ActionChanged, ActionDone, ActionVerified, ActionCancelled, ActionOverdue,
    name=REASSESS_RISK,
)(reassess_risk)  # fmt: skip
