"""What a relay asks costs what it brings, and not what has left before, in the session that its command opens."""

from __future__ import annotations

import pytest
from django.db import connection

from outbox.models import Outgoing
from outbox.outgoing import BROKER, LANES
from outbox.relay import queue
from outbox.relay.tests.conftest import leaving

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

ALL_LANES = frozenset(range(LANES))
MANY = 20_000
FEW = 100
"""Pages of a table or an index. Those of so many rows have hundreds."""


@pytest.fixture
def backlog(relays_line):
    """Many messages that nobody has tried, on two channels."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO outbox_outgoing (channel, lane, key, event, replay, state, attempts, last_error) "
            "SELECT channel, i %% %s::int, i, i, 0, 0, 0, '' "
            "FROM generate_series(1, %s) AS i, unnest(%s::text[]) AS channel",
            [LANES, MANY, [BROKER, "another"]],
        )
        cursor.execute("VACUUM ANALYZE outbox_outgoing")


def test_the_next_time_is_found_without_the_backlog(backlog, pages_read):
    read = pages_read(lambda: queue.next_due_seconds(BROKER, ALL_LANES))

    assert max(read.values()) < FEW, read


def test_what_becomes_of_a_message_is_stored_without_reading_the_backlog(backlog, pages_read):
    pk = Outgoing.objects.filter(channel=BROKER).earliest("pk").pk
    row = leaving(pk, row=pk, key=pk)

    def decide():
        queue.retry_later([row], "refused", [5], counted=True)
        queue.next_due_seconds(BROKER, ALL_LANES)
        queue.put_aside(row, "refused")
        queue.free(BROKER, lanes=ALL_LANES)
        queue.has_left([row])

    read = pages_read(decide)

    assert max(read.values()) < FEW, read
