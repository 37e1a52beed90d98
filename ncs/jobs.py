"""What workers do between batches for cases."""

from __future__ import annotations

from ncs.reminders import remind
from qhse import clock
from qhse.periodic import periodic

EVERY_SECONDS = 300
"""A due date passes once a day, a containment target at any minute. A look at nothing costs three index probes."""


@periodic(every_seconds=EVERY_SECONDS)
def tell_what_is_late() -> bool:
    clock.demand_agreement()
    return remind()
