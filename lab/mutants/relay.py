"""Mutants of what leaves for other systems."""

from __future__ import annotations

from lab.mutants.mutant import Mutant

QUEUE, COURIERS, PUBLISHING, LANES, BROKERS, CONSUMER = (
    f"outbox/relay/tests/test_{theme}.py"
    for theme in ("queue", "couriers", "publishing", "lanes", "brokers", "consumer")
)

MUTANTS = (
    Mutant(
        "leaves-by-nobody", "outbox/publisher.py",
        "if settings.BROKER_URL and stored:", "if False:", f"{QUEUE} -k leave_as_one_by_one",
    ),
    Mutant(
        "successors-overtake", "outbox/relay/queue.py",
        "AND held.channel = c.channel AND held.key = c.key AND held.id < c.id",
        "AND held.channel = c.channel AND held.key = c.key AND false",
        QUEUE,
    ),
    Mutant(
        "put-off-as-long-as-a-clock-was-ahead", "outbox/relay/queue.py",
        "interval '{2 * MOST_WAIT} seconds'", "interval '{2 * MOST_WAIT} days'", f"{QUEUE} -k minute_at_most",
    ),
    Mutant(
        "relay-hangs-for-ever", "outbox/relay/relay.py",
        "            self._watchdog.arm(STUCK_SECONDS)\n", "            pass\n",
        "outbox/relay/tests/test_process.py -k says_nothing",
    ),
    Mutant(
        "relay-that-hangs-cannot-be-told-to-stop", "outbox/relay/relay.py",
        "        self._watchdog.arm(LEAVING_SECONDS)\n", "",
        "outbox/relay/tests/test_process.py -k told_to_stop",
    ),
    Mutant(
        "behind-for-ever", "outbox/relay/queue.py",
        "    if waited:\n", "    if False:\n", QUEUE,
    ),
    Mutant(
        "aside-stops-all", "outbox/relay/queue.py",
        "        free(row.channel, [row.key])\n", "", QUEUE,
    ),
    Mutant(
        "replay-races-pruning", "outbox/outgoing.py",
        "ORDER BY id FOR KEY SHARE", "ORDER BY id", f"{QUEUE} -k not_pruned_before",
    ),
    Mutant(
        "orphans-fill-each-look", "outbox/relay/queue.py",
        "FROM chosen c LEFT JOIN", "FROM chosen c JOIN", f"{QUEUE} -k whose_event_is_gone",
    ),
    Mutant(
        "lost-session-ends-the-relay", "outbox/relay/relay.py",
        "with connection.wrap_database_errors:", "if True:",
        "outbox/relay/tests/test_relay.py -k ends_in_a_wait",
    ),
    Mutant(
        "lost-broker-ends-the-relay", "outbox/relay/rabbitmq.py",
        "if self._line is not None:  # a line that was lost", "if True:  # a line that was lost",
        f"{BROKERS} -k says_in_a_wait",
    ),
    Mutant(
        "log-read-at-each-turn", "outbox/management/commands/run_outbox_relay.py",
        "by_indexes=True", "prepared=True", "outbox/webhooks/tests/test_reads.py -k delivery_is_made",
    ),
    Mutant(
        "drained-though-the-broker-is-away", "outbox/management/commands/run_outbox_relay.py",
        "        if stuck:\n", "        if False:\n", "outbox/relay/tests/test_drain.py -k is_an_error",
    ),
    Mutant(
        "backlog-read-at-each-turn", "outbox/management/commands/run_outbox_relay.py",
        "by_indexes=True", "prepared=True", "outbox/relay/tests/test_reads.py",
    ),
    Mutant(
        "log-read-at-a-failure", "outbox/webhooks/outcomes.py",
        'order_by((F("id") + 0).desc())', 'order_by("-id")',
        "outbox/webhooks/tests/test_reads.py -k fails_for_good",
    ),
    Mutant(
        "declined-counts", "outbox/relay/couriers.py",
        "queue.retry_later(those, why, waits, counted=False)",
        "queue.retry_later(those, why, waits, counted=True)",
        COURIERS,
    ),
    Mutant(
        "each-of-a-full-queue-waits-as-long", "outbox/relay/couriers.py",
        "max(1.0, row.waited / 2)", "max(1.0, those[0].waited / 2)", f"{COURIERS} -k full",
    ),
    Mutant(
        "each-of-a-full-queue-is-a-statement", "outbox/relay/couriers.py",
        "            queue.retry_later(those, why, waits, counted=False)\n",
        "            for each, wait in zip(those, waits, strict=True):\n"
        "                queue.retry_later([each], why, [wait], counted=False)\n",
        f"{COURIERS} -k full",
    ),
    Mutant(
        "silent-tls-leaves-its-socket", "outbox/relay/rabbitmq.py",
        "elif line._connection_workflow is not None:", "elif False:",
        "outbox/relay/tests/test_reasons.py -k nothing_at_all",
    ),
    Mutant(
        "refused-for-ever", "outbox/relay/couriers.py",
        "if row.attempts + 1 >= MOST_REFUSALS:", "if False:", COURIERS,
    ),
    Mutant(
        "away-is-asked-on", "outbox/relay/couriers.py",
        "        if left > 0:\n            return Turn(moved, left)\n", "", COURIERS,
    ),
    Mutant(
        "broker-keeps-webhooks-waiting", "outbox/relay/publishing.py",
        "self._hand_over(self._in_hand)\n",
        "self._tell(Report(self._in_hand, self._published(self._in_hand)))\n",
        "outbox/webhooks/tests/test_beside_a_broker.py -k client",
    ),
    Mutant(
        "lanes-go-with-a-batch-in-flight", "outbox/relay/couriers.py",
        "return frozenset(row.lane for row in self._in_flight.values())", "return frozenset()",
        f"{PUBLISHING} -k not_given_away",
    ),
    Mutant(
        "stored-for-lanes-of-others", "outbox/relay/couriers.py",
        "if connection.connection is self._session:", "if True:", f"{PUBLISHING} -k forgotten_with_the_session",
    ),
    Mutant(
        "lanes-of-others", "outbox/relay/lanes.py",
        "set(range(LANES)) - ours - theirs", "set(range(LANES)) - ours", LANES,
    ),
    Mutant(
        "no-share", "outbox/relay/lanes.py",
        "share = -(-LANES // max(1, relays))", "share = LANES", LANES,
    ),
    Mutant(
        "busy-lanes-go", "outbox/relay/lanes.py",
        "sorted(ours - set(busy))", "sorted(ours)", LANES,
    ),
    Mutant(
        "pruned-before-it-left", "outbox/pruning.py",
        "    AND NOT EXISTS (SELECT FROM outbox_outgoing o WHERE o.event = outbox_outboxevent.id)\n", "",
        f"{QUEUE} -k what_has_not_left",
    ),
    Mutant(
        "not-mandatory", "outbox/relay/rabbitmq.py",
        "properties, mandatory=True)", "properties)", BROKERS,
    ),
    Mutant(
        "nack-is-an-ack", "outbox/relay/rabbitmq.py",
        "            if is_nack:\n", "            if False:\n", BROKERS,
    ),
    Mutant(
        "all-at-once", "outbox/relay/rabbitmq.py",
        "return [queue.popleft() for queue in self._queues.values()]",
        "return [queue.popleft() for queue in self._queues.values() for _ in range(len(queue))]",
        BROKERS,
    ),
    Mutant(
        "anybody-is-the-culprit", "outbox/relay/rabbitmq.py",
        "if blamed and len(self._in_flight) == 1 else None", "if blamed else None", BROKERS,
    ),
    Mutant(
        "address-of-a-broker-not-taken-apart", "qhse/env.py",
        "            parse_broker_url(raw)\n", "", "qhse/tests/test_settings.py -k bad_value",
    ),
    Mutant(
        "any-key-for-the-broker", "qhse/broker_url.py",
        "    address.context()\n", "", "qhse/tests/test_broker_url.py -k no_client_could_use",
    ),
    Mutant(
        "password-in-clear-despite-tls", "outbox/relay/nats.py",
        "if self._must_be_encrypted and not self._is_encrypted:", "if False:",
        "outbox/relay/tests/test_tls.py -k told_nothing",
    ),
    Mutant(
        "tls-that-is-offered-is-not-taken", "outbox/relay/nats.py",
        'if self._must_be_encrypted and info.get("tls_available"):', "if False:",
        "outbox/relay/tests/test_tls.py -k only_offered",
    ),
    Mutant(
        "away-without-a-reason", "outbox/relay/port.py",
        "for each in inside if id(each) not in seen for leaf in _innermost(each, seen)] or [error]",
        "for each in () for leaf in _innermost(each, seen)] or [error]",
        "outbox/relay/tests/test_reasons.py -k 'reached or innermost'",
    ),
    Mutant(
        "far-broker-is-away", "outbox/relay/rabbitmq.py",
        "        self._be_patient()\n        method = frame.method\n", "        method = frame.method\n",
        "outbox/relay/tests/test_far_brokers.py -k not_away",
    ),
    Mutant(
        "far-nats-is-away", "outbox/relay/nats.py",
        "            be_patient()  # each answer", "            # each answer",
        "outbox/relay/tests/test_far_brokers.py -k not_away",
    ),
    Mutant(
        "confirmed-and-forgotten", "outbox/relay/couriers.py",
        "            moved += self._settle(rows, outcome)\n",
        "            moved += 0 if report.away else self._settle(rows, outcome)\n",
        f"{PUBLISHING} -k BrokenOff",
    ),
    Mutant(
        "confirmed-and-forgotten-at-the-end", "outbox/relay/couriers.py",
        "            self._settle(self._in_flight, self._thread.taken_so_far())\n", "",
        f"{PUBLISHING} -k end_of_the_relay",
    ),
    Mutant(
        "slow-broker-is-stuck", "outbox/relay/publishing.py",
        "            self._known, self._heard_at = known, time.monotonic()\n", "            self._known = known\n",
        f"{PUBLISHING} -k not_stuck",
    ),
    Mutant(
        "inbox-in-vain", "docs/examples/consumer.py",
        "        if not new:\n            return\n", "", CONSUMER,
    ),
    Mutant(
        "late-overwrites", "docs/examples/consumer.py",
        " WHERE open_cases.sequence < excluded.sequence", "", CONSUMER,
    ),
)  # fmt: skip
