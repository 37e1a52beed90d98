"""What workers do between batches for suppliers."""

from __future__ import annotations

from qhse import clock
from qhse.periodic import periodic
from suppliers.reassessment import reassess_unseen
from suppliers.reminders import remind, supersede_begun

EVERY_SECONDS = 600
"""
A certificate draws near its end once a day. A look at nothing reads the current ones that have ended or end within 90
days, and those that renew others: 0.1 s of a busy machine with 50,000 certificates.
"""
REASSESS_EVERY_SECONDS = 300
"""How long after midnight in UTC the day's assessments begin, at most. A look at nothing reads the suppliers once."""


@periodic(every_seconds=EVERY_SECONDS)
def tell_what_ends() -> bool:
    clock.demand_agreement()
    return remind()


@periodic(every_seconds=EVERY_SECONDS)
def supersede_what_was_renewed() -> bool:
    clock.demand_agreement()
    return supersede_begun()


@periodic(every_seconds=REASSESS_EVERY_SECONDS)
def reassess_daily() -> bool:
    return reassess_unseen()
