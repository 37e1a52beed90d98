"""Ways in which somebody with all rights, and the triggers off, could falsify the audit trail."""

from __future__ import annotations

from lab.chaos.falsifying import entries, guards, seals  # each way registers itself
from lab.chaos.falsifying.tamperer import WAYS, NothingToFalsify, Tamperer, all_of, falsified

__all__ = ("WAYS", "NothingToFalsify", "Tamperer", "all_of", "entries", "falsified", "guards", "seals")
