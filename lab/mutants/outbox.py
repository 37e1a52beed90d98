"""Mutants of the outbox engine, most of them caught by the fault laboratory."""

from __future__ import annotations

from lab.mutants.mutant import Mutant

COST, TURNS, WALK = (f"outbox/engine/tests/test_claim_{theme}.py" for theme in ("cost", "turns", "walk"))
COMMIT_HERE = "from django.db import connection; connection.connection.commit()"

MUTANTS = (
    Mutant(
        "no-skip-locked", "outbox/engine/statements.py",
        'select_for_update(skip_locked=True, of=("self",))', "all()",
        "outbox/engine/tests/test_claim.py",
    ),
    Mutant(
        "no-dedupe", "outbox/engine/statements.py",
        "return None if cursor.rowcount == len(pairs) else set(cursor.fetchall())", "return None",
        "replay",
    ),
    Mutant(
        "no-batch-transaction", "outbox/engine/dispatcher.py",
        ", transaction.atomic():\n                claimed", ":\n                claimed",
        "killpoints",
    ),
    Mutant(
        "remembered-before-the-effects", "outbox/engine/delivery.py",
        "        with connection.execute_wrapper(",
        f"        {COMMIT_HERE}\n        with connection.execute_wrapper(",
        "killpoints",
    ),
    Mutant(
        "not-remembered", "outbox/engine/delivery.py",
        "fresh = remember(", "fresh = set(", "replay",
    ),
    Mutant(
        "no-savepoint", "outbox/engine/batch.py",
        "with blaming([event]), transaction.atomic():", "with blaming([event]):",
        "poison",
    ),
    Mutant(
        "no-predecessor-condition", "outbox/engine/statements.py",
        "ORDER BY p.id + 0 LIMIT 1\n", "ORDER BY p.id + 0 LIMIT 2\n", "order",
    ),
    Mutant(
        "heads-by-time", "outbox/engine/statements.py",
        "ORDER BY p.id + 0 LIMIT 1\n", "ORDER BY p.next_attempt_at LIMIT 1\n", "order",
    ),
    Mutant(
        "heads-in-no-order", "outbox/engine/statements.py",
        "ORDER BY p.id + 0 LIMIT 1\n", "ORDER BY random() LIMIT 1\n", TURNS,
    ),
    Mutant(
        "heads-by-any-index", "outbox/engine/statements.py",
        "ORDER BY p.id + 0 LIMIT 1\n", "ORDER BY p.id LIMIT 1\n", COST,
    ),
    Mutant(
        "no-gap-check", "outbox/engine/claim.py",
        "taken = [list(takewhile(locked.__contains__, queue)) for queue in queues]",
        "taken = [[pk for pk in queue if pk in locked] for queue in queues]",
        "outbox/engine/tests/test_claim.py",
    ),
    Mutant(
        "next-heads-after-a-failure", "outbox/engine/claim.py",
        "self._walk.line.extend(self._next_heads if all_processed else ())",
        "self._walk.line.extend(self._next_heads)", f"{WALK} -k successors",
    ),
    Mutant(
        "heads-lost-by-a-rollback", "outbox/engine/claim.py",
        "[head for head in self._heads if head not in decided]", "[]", f"{WALK} -k Memory",
    ),
    Mutant(
        "retry-not-waited-for", "outbox/engine/statements.py",
        ".filter(OutboxEvent.is_due(), state=EventStatus.PENDING)", ".filter(state=EventStatus.PENDING)",
        f"{WALK} -k put_off",
    ),
    Mutant(
        "heads-of-two-lists", "outbox/engine/claim.py",
        "first.setdefault(event.aggregate, event)", "first[event.aggregate] = event",
        "outbox/engine/tests/test_claim.py -k requeued",
    ),
    Mutant(
        "id-cursor", "outbox/engine/claim.py",
        "self._walk = Walk(self._walk.busy)", "self._walk.line.clear()", f"{WALK} -k late",
    ),
    Mutant(
        "walk-that-never-starts-anew", "outbox/engine/claim.py",
        "return self.begun_at + min(self.spent / WALK_SHARE, WATCHDOG_SECONDS) - time.monotonic()",
        "return 1.0", f"{WALK} -k in_time",
    ),
    Mutant(
        "each-claim-from-the-first-row", "outbox/engine/claim.py",
        "return self.begun_at + min(self.spent / WALK_SHARE, WATCHDOG_SECONDS) - time.monotonic()",
        "return 0.0", f"{WALK} -k share",
    ),
    Mutant(
        "all-aggregates-for-one-worker", "outbox/engine/claim.py",
        "return -(-room // min(self.rows_each, max(1, room // SHARERS)))", "return room", f"{TURNS} -k free",
    ),
    Mutant(
        "a-window-for-each-type", "outbox/engine/claim.py",
        "max(1, self.window >> self.busy.bit_length())", "self.window", f"{TURNS} -k window",
    ),
    Mutant(
        "types-take-no-turns", "outbox/engine/statements.py",
        "ORDER BY turn, id", "ORDER BY id", f"{TURNS} -k types_take",
    ),
    Mutant(
        "retries-behind-fresh-events", "outbox/engine/statements.py",
        "    yield Source(event_type, _AT_ONCE, sys.maxsize, None)\n", "", f"{TURNS} -k starve_retries",
    ),
    Mutant(
        "impossible-waits-waited-for", "outbox/engine/statements.py",
        '    yield Source(event_type, None, 0, "infinity")\n', "",
        "outbox/engine/tests/test_statements.py -k Due",
    ),
    Mutant(
        "unknown-types-never-asked-for", "outbox/engine/claim.py",
        "if not events and is_whole and walk.meets_unknown_types():", "if False:", f"{WALK} -k Unknown",
    ),
    Mutant(
        "failure-not-counted", "outbox/engine/failures.py",
        "attempts = event.attempts + 1", "attempts = event.attempts", "poison",
    ),
    Mutant(
        "event-in-a-transaction-of-its-own", "outbox/publisher.py",
        "        for row in stored:\n            _new_event.insert(row)\n",
        f"        {COMMIT_HERE}\n"
        "        for row in stored:\n            _new_event.insert(row)\n",
        "killpoints",
    ),
    Mutant(
        "nothing-in-hand", "outbox/guards/in_hand.py",
        "if self._second is None:", "if True:", "outbox/guards/tests/test_in_hand.py -k _exit",
    ),
    Mutant(
        "constraints-looked-at-in-the-commit", "outbox/guards/session.py",
        "SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED;\n", "", "poison",
    ),
    Mutant(
        "errors-shown-unguarded", "outbox/engine/retry.py",
        "return repr(error)[:200]\n    except Exception:", "return repr(error)[:200]\n    except KeyError:",
        "poison",
    ),
    Mutant(
        "exit-not-caught", "outbox/engine/delivery.py",
        "except BaseException as error:\n                # Of every kind",
        "except Exception as error:\n                # Of every kind", "poison",
    ),
    Mutant(
        "line-lost-under-the-same-name", "outbox/guards/in_hand.py",
        "            self._name = f\"{self._worker}-{self._names}\"\n", "",
        "outbox/guards/tests/test_in_hand.py -k connection",
    ),
    Mutant(
        "outage-that-makes-suspects", "outbox/guards/in_hand.py",
        " and self._second and self._second.is_alive()", "", "outbox/guards/tests/test_in_hand.py -k outage",
    ),
    Mutant(
        "database-error-that-makes-suspects", "outbox/engine/dispatcher.py",
        "if blame(error) is Fault.LINE:", "if True:", "outbox/guards/tests/test_in_hand.py -k statements",
    ),
    Mutant(
        "stamp-that-a-requeue-does-not-change", "outbox/engine/batch.py",
        "(event.pk, event.stamp)", "(event.pk, event.attempts)", "outbox/guards/tests/test_in_hand.py -k _exit",
    ),
    Mutant(
        "full-disk-counted", "outbox/engine/batch.py",
        "is not Fault.DATABASE:", "is not None:", "outbox/engine/tests/test_batch.py -k disk",
    ),
    Mutant(
        "full-disk-that-holds-up-others", "outbox/engine/batch.py",
        "self._put_off([event], self.policy.delay_seconds(1), because)", "pass",
        "outbox/engine/tests/test_batch.py -k shrunk",
    ),
    Mutant(
        "engines-own-errors-counted", "outbox/engine/failures.py",
        "known = _OF_THE_DATABASE if in_handler else _OF_THE_ENGINE", "known = _OF_THE_DATABASE",
        "outbox/guards/tests/test_in_hand.py -k statements",
    ),
    Mutant(
        "handler-after-handler", "outbox/engine/delivery.py",
        "stage += only == -1 or only != before", "stage = 0", "outbox/engine/tests/test_order.py",
    ),
    Mutant(
        "handlers-as-they-come", "outbox/engine/delivery.py",
        "sorted(stage_calls.items(), key=itemgetter(0))", "stage_calls.items()",
        "outbox/engine/tests/test_order.py",
    ),
    Mutant(
        "state-not-asked-after-a-call", "outbox/guards/transaction.py",
        "if depth < self._depth or not is_whole(state):", "if False:",
        "outbox/guards/tests/test_transaction.py",
    ),
    Mutant(
        "transaction-control-not-refused", "outbox/guards/transaction.py",
        "if _ENDS_OR_BEGINS.match(text) or _status(state) == TransactionStatus.IDLE:", "if False:",
        "outbox/guards/tests/test_transaction.py",
    ),
    Mutant(
        "torn-transaction-not-counted", "outbox/engine/dispatcher.py",
        "will_retry = record_failure(failed.event, failed.cause, where=failed.where, policy=self._policy)",
        "will_retry = True", "outbox/guards/tests/test_transaction.py -k driver",
    ),
    Mutant(
        "committed-notes-kept", "outbox/engine/dispatcher.py",
        "pk__in=failed.unfinished,", "pk__in=[],", "outbox/guards/tests/test_transaction.py -k driver",
    ),
    Mutant(
        "hooks-not-guarded", "outbox/engine/delivery.py",
        "hook if hook is notify else self._harmless(handler, hook), True)", "hook, _)",
        "outbox/guards/tests/test_transaction.py -k on_commit",
    ),
    Mutant(
        "newer-version-handled", "outbox/engine/batch.py",
        " and event.schema_version <= event_class.schema_version", "",
        "outbox/engine/tests/test_dispatcher.py -k version",
    ),
    Mutant(
        "notifications-that-fail-the-caller", "qhse/wakeup.py",
        "    except Error as error:", "    except KeyError as error:", "outbox/tests/test_wakeup.py -k breaks",
    ),
    Mutant(
        "notified-once-for-each-event", "qhse/wakeup.py",
        " and all(hook is not notify for _, hook, _ in hooks)", "", "outbox/tests/test_wakeup.py -k once",
    ),
    Mutant(
        "settings-lost-by-the-reset", "outbox/guards/session.py",
        " {session};", "", "outbox/guards/tests/test_session.py -k whatever",
    ),
    Mutant(
        "isolation-left-to-the-server", "qhse/deployment/connections.py",
        '    "default_transaction_isolation": "read committed",\n', "",
        "qhse/deployment/tests/test_connections.py -k Server",
    ),
    Mutant(
        "triggers-off-where-the-server-says-so", "qhse/deployment/connections.py",
        'if triggers != "origin":', "if False:", "qhse/deployment/tests/test_connections.py -k triggers",
    ),
    Mutant(
        "ended-line-used-again", "qhse/deployment/connections.py",
        "return not poll.poll(0) or asked()", "return True",
        "qhse/deployment/tests/test_connections.py -k LeftAlone",
    ),
    Mutant(
        "failure-that-cannot-be-told-is-not-counted", "qhse/foreign_text.py",
        "    except (DataError, UnicodeError) as refusal:", "    except ZeroDivisionError as refusal:",
        "outbox/engine/tests/test_failures.py -k CannotBeStored",
    ),
    Mutant(
        "text-that-is-refused-ends-the-transaction", "qhse/foreign_text.py",
        "        with transaction.atomic():\n            return store(**as_it_is)",
        "        return store(**as_it_is)",
        "outbox/engine/tests/test_failures.py -k CannotBeStored",
    ),
    Mutant(
        "escaped-text-outgrows-its-column", "qhse/foreign_text.py",
        "_ascii(text)[: len(text)]", "_ascii(text)", "outbox/webhooks/tests/test_outcomes.py -k cannot_be_stored",
    ),
    Mutant(
        "refusal-taken-for-waiting", "qhse/deployment/poolers.py",
        "if waiting.transaction_status != pq.TransactionStatus.ACTIVE:", "if False:",
        "qhse/deployment/tests/test_connections.py -k client_is_refused",
    ),
    Mutant(
        "shared-server-not-seen", "qhse/deployment/poolers.py",
        "any(notice.payload == word for notice in line.notifies(timeout=_POOLER_SECONDS))", "True",
        "qhse/deployment/tests/test_connections.py -k Pooler",
    ),
    Mutant(
        "notifications-kept", "outbox/guards/second_connection.py",
        "                line.add_notify_handler(self._hear)", "                pass",
        "outbox/guards/tests/test_second_connection.py",
    ),
    Mutant(
        "plans-for-an-empty-outbox", "qhse/deployment/connections.py",
        "_plans.settings = BY_INDEXES if by_indexes or prepared else {}", "_plans.settings = {}",
        "outbox/engine/tests/test_prepared.py -k full",
    ),
    Mutant(
        "history-read-at-each-scrape", "qhse/deployment/connections.py",
        "_plans = threading.local()", '_plans = type("Shared", (), {"settings": {}})()',
        "outbox/tests/test_plans.py -k metrics",
    ),
    Mutant(
        "pictures-read-at-each-look", "qhse/attachments/previews.py",
        "        bound_transaction(lock=1, statement=5)\n        waiting = ", "        waiting = ",
        "outbox/tests/test_plans.py -k make_previews",
    ),
    Mutant(
        "plans-for-a-quiet-moment", "qhse/deployment/connections.py",
        '"enable_sort": "off"', '"enable_sort": "on"', "outbox/engine/tests/test_claim_cost.py -k handled",
    ),
    Mutant(
        "session-not-reset", "outbox/guards/session.py",
        "CLOSE ALL; UNLISTEN *; SELECT pg_advisory_unlock_all(); DISCARD TEMP;\n", "",
        "outbox/guards/tests/test_session.py -k leaves",
    ),
    Mutant(
        "prune-takes-what-is-young", "outbox/pruning.py", "processed_at < ", "processed_at > ",
        "outbox/tests/test_pruning.py",
    ),
)  # fmt: skip
