"""Ways in which somebody with all rights, and the triggers off, could falsify the audit trail."""

from __future__ import annotations

from qhse.chaos import tamper_entries, tamper_seals  # each way registers itself
from qhse.chaos.tamperer import WAYS, Tamperer, all_of

__all__ = ("WAYS", "Tamperer", "all_of", "tamper_entries", "tamper_seals")
