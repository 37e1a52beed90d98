"""Every constant by which the engine and its guards are tuned, and what each buys."""

from __future__ import annotations

# Claiming.
WINDOW = 1_024
"""Rows that a look reads, about half of them in fact: with one in five claims it takes 3 ms."""
WIDE_WINDOW = 8_192
"""Rows of a look where nothing but rows behind heads that cannot be had was seen."""
WALK_SHARE = 0.05
"""Share of a worker's time that looks from the first row may take, so that what came late or was freed is found."""
SHARERS = 8
"""Aggregates that share a batch, at least. With less each other workers find some that are free."""

# Handling.
REPLAY_LIMIT = 64
"""Savepoints in one transaction: PostgreSQL keeps so many in memory, beyond it every session looks them up on disk."""
BATCH_SECONDS = 5.0
"""A batch that has run for longer calls no further handler: locks and the work lost with a batch stay small."""
PARK_SECONDS = 60.0
"""Wait of an event whose type this code does not know, until the code that knows it may be there."""

# The worker.
RECONNECT_CAP_SECONDS = 0.5
"""Longest pause before the next try to connect: workers are back within 2 seconds of a restart."""
GRACE_SECONDS = 7.0
"""Time of the batch in hand after SIGTERM; the promise is that the process is gone within 10."""

# The guards.
TICK_SECONDS = 0.5
"""Precision of the bounds on Python code. A handler that swallows the alarm gets it again after so long."""
WATCHDOG_SECONDS = 20.0
"""Time of anything that waits for the server between batches, before the line counts as dead."""
ANSWER_SECONDS = 1.5
"""Time of the second connection to answer when the first was lost or the worker leaves, which has 10 in all for it."""
