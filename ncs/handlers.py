"""Reactions to events of non-conformities."""

from __future__ import annotations

from ncs.events import NonConformityClosed, NonConformityCorrected, NonConformityOpened, NonConformityReopened
from outbox.registry import handles_batch
from suppliers.handlers import REASSESS_RISK, reassess_risk

handles_batch(
    NonConformityOpened, NonConformityClosed, NonConformityReopened, NonConformityCorrected, name=REASSESS_RISK
)(reassess_risk)
