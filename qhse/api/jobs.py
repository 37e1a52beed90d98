"""What workers do between batches for the API."""

from __future__ import annotations

from qhse.api.problems.refusals import WINDOW, record_what_was_counted
from qhse.periodic import periodic


@periodic(every_seconds=WINDOW.total_seconds())
def record_repeated_refusals() -> bool:
    """Write into the trail how often users were refused again, once a minute has passed since the entry about it."""
    return record_what_was_counted()
