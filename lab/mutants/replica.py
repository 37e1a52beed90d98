"""Mutants of reads on a replica: who has written reads it, nothing is too old, and its faults are nobody's."""

from __future__ import annotations

from lab.mutants.mutant import Mutant

READING = "qhse/replica/tests/test_reading.py"
HISTORIES = "qhse/replica/tests/test_histories.py"
POOLERS = "qhse/replica/tests/test_poolers.py"
PLACES = "qhse/replica/tests/test_places.py"

MUTANTS = (
    Mutant(
        "own-writes-not-looked-for", "qhse/replica/reading.py",
        "if copy.found < len(primary.uids) or (", "if (", f"{READING} -k what_they_wrote_and_others",
    ),
    Mutant(
        "only-the-last-write-looked-for", "qhse/replica/asking.py",
        "ORDER BY id DESC LIMIT {LAST_WRITES}", "ORDER BY id DESC LIMIT 1", f"{READING} -k came_before_one",
    ),
    Mutant(
        "writes-forgotten-at-once", "qhse/replica/asking.py",
        "    return OPEN_SECONDS + settings.REPLICA_MAX_LAG\n", "    return 0.0\n",
        f"{READING} -k what_they_wrote_and_others",
    ),
    Mutant(
        "writes-forgotten-before-the-replica-is-too-old", "qhse/replica/asking.py",
        "    return OPEN_SECONDS + settings.REPLICA_MAX_LAG\n", "    return OPEN_SECONDS\n",
        f"{READING} -k for_as_long_as",
    ),
    Mutant(
        "who-writes-much-waits-for-nothing", "qhse/replica/reading.py",
        " or (primary.writes_much and not is_complete):", ":", f"{READING} -k slow_write_too",
    ),
    Mutant(
        "promoted-copy-is-believed", "qhse/replica/reading.py",
        "if not copy.is_in_recovery or copy", "if copy", f"{READING} -k was_promoted",
    ),
    Mutant(
        "promoted-copy-has-a-position", "qhse/replica/asking.py",
        "'is_in_recovery', pg_is_in_recovery()", "'is_in_recovery', true", f"{HISTORIES} -k TestAPromotedReplica",
    ),
    Mutant(
        "copy-of-any-age", "qhse/replica/reading.py",
        "<= (primary.now - beat_at).total_seconds() <= settings.REPLICA_MAX_LAG",
        "<= (primary.now - beat_at).total_seconds()", f"{READING} -k older_than_the_bound",
    ),
    Mutant(
        "beat-of-anybody-is-believed", "qhse/replica/asking.py",
        "    return row and row[0]\n", "    return row[0] if row else datetime.now().astimezone()\n",
        f"{HISTORIES} -k still_runs_there",
    ),
    Mutant(
        "beat-of-a-former-timeline-is-believed", "qhse/replica/asking.py",
        "    if beat_timeline != timeline:\n", "    if False:\n", f"{HISTORIES} -k nobody_beats_anywhere",
    ),
    Mutant(
        "position-without-the-newest-beat", "qhse/replica/asking.py",
        "self.has_position and self.follows_until >= primary.beat_at", "self.has_position",
        f"{READING} -k without_the_newest_beat",
    ),
    Mutant(
        "nobody-is-told-that-nobody-beats", "qhse/replica/reading.py",
        "    logger.warning(NOBODY_BEATS)\n", "", f"{READING} -k said_once_a_minute",
    ),
    Mutant(
        "key-figures-not-exact", "kpi/api/views.py", "exact=True", "exact=False", f"{READING} -k exact_like_everybody",
    ),
    Mutant(
        "reads-within-a-transaction-elsewhere", "qhse/replica/reading.py",
        "if connections[PRIMARY].in_atomic_block:", "if False:", f"{READING} -k within_a_transaction",
    ),
    Mutant(
        "replica-that-fails-is-an-error", "qhse/replica/reading.py",
        "            self._leave(error)\n", "            self._leave(error)\n            raise\n",
        f"{READING} -k middle_of_a_read_has",
    ),
    Mutant(
        "replica-refuses", "qhse/replica/reading.py",
        "except Exception as error:  # of any kind: a copy", "except DatabaseError as error:  # a copy",
        f"{READING} -k not_arrived",
    ),
    Mutant(
        "replica-that-is-away-is-asked-again", "qhse/replica/reading.py",
        "    breaker.open(why)\n", "", f"{READING} -k left_alone",
    ),
    Mutant(
        "doubtful-pooler-before-the-replica-is-used", "qhse/deployment/connections.py",
        "if wrapper.alias == REPLICA and not keeps:", "if wrapper.alias == REPLICA and keeps is False:",
        f"{POOLERS} -k nothing_can_be_proven",
    ),
    Mutant(
        "standby-is-not-asked-about-its-pooler", "qhse/deployment/poolers.py",
        "if SqlState.IDLE_SESSION_TIMEOUT in heard:", "if True:", f"{POOLERS} -k change_hands",
    ),
    Mutant(
        "pooler-of-the-next-line-not-judged", "qhse/deployment/connections.py",
        "anew=wrapper.alias == REPLICA", "anew=False", f"{POOLERS} -k proven_anew",
    ),
    Mutant(
        "line-that-was-proven-is-replaced", "qhse/replica/reading.py",
        "            if wrapper.connection is None or wrapper.connection is not self._line:\n"
        '                raise OperationalError("the line that was proven is gone, and another may lead elsewhere")\n',
        "            wrapper.ensure_connection()\n", f"{POOLERS} -k not_replaced",
    ),
    Mutant(
        "no-hanging-up", "qhse/replica/hanging_up.py",
        "                ours.shutdown(socket.SHUT_RDWR)", "                pass", f"{READING} -k takes_too_long",
    ),
    Mutant(
        "pieces-of-an-export-from-elsewhere", "qhse/exporting/exports.py",
        "yield self.reader.read(partial(self._export.rows_of, keys))",
        'yield self._export.rows_of(keys, "replica")', f"{READING} -k in_all_pieces",
    ),
    Mutant(
        "admin-lists-of-nobody-in-particular", "qhse/adminsite/replica_lists.py",
        "return read(page_by, user=request.user)", 'return page_by("replica")', f"{READING} -k in_the_admin",
    ),
    Mutant(
        "heart-stops-when-the-clock-is-set-back", "qhse/replica/jobs.py",
        " OR beat.at > now + interval '1 second'", "", f"{READING} -k set_back",
    ),
    Mutant(
        "promoted-replica-takes-writes", "qhse/settings.py",
        '"default_transaction_read_only": "on",  #', '"default_transaction_deferrable": "off",  #',
        "qhse/tests/test_settings.py -k takes_no_writes",
    ),
    Mutant(
        "every-list-may-be-read-there", "qhse/api/viewsets.py",
        "may_read_replica = False", "may_read_replica = True", f"{PLACES} -k of_the_api",
    ),
)  # fmt: skip
