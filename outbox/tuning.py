"""Every constant by which the engine and its guards are tuned, and what each buys."""

from __future__ import annotations

# Claiming.
WINDOW = 512
"""Rows of a look, shared by the busy sources: 4 ms in one claim of three. More bring no more events a second."""
WIDE_WINDOW = 2_048
"""The same where nothing but rows behind heads that cannot be had was seen: 100,000 are passed in 0.2 seconds."""
WALK_SHARE = 0.01
"""Share of the time for looks that need not be: what came late or was freed is found in 0.1 to 0.4 s as a rule."""
LATE_IDS = 1_000
"""Ids at the end of a walk that are looked at again: what commits late is found at once, for half a millisecond."""
JOBS_SHARE = 0.125
"""Of a batch's time: jobs with more left may take so much after it. Beside handlers that take 10 s a batch, 1.25 s."""
SHARERS = 2
"""Aggregates that share a batch, at least. Other workers find the rest free, where a few have long queues."""

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
