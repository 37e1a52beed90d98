"""Mutants of the outbox engine, most of them caught by the fault laboratory."""

from __future__ import annotations

from lab.mutants.mutant import Mutant

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
        "with transaction.atomic():\n                claimed", "if True:\n                claimed",
        "killpoints",
    ),
    Mutant(
        "remembered-before-the-effects", "outbox/engine/delivery.py",
        "            due = todo if fresh is None",
        f"            {COMMIT_HERE}\n            due = todo if fresh is None",
        "killpoints",
    ),
    Mutant(
        "not-remembered", "outbox/engine/delivery.py",
        "fresh = remember(", "fresh = set(", "replay",
    ),
    Mutant(
        "no-savepoint", "outbox/engine/batch.py",
        "with transaction.atomic():\n                    self._equipment.runner",
        "if True:\n                    self._equipment.runner",
        "poison",
    ),
    Mutant(
        "no-predecessor-condition", "outbox/engine/statements.py",
        "WHERE dealt.id = (", "WHERE dealt.id >= (", "order",
    ),
    Mutant(
        "no-gap-check", "outbox/engine/claim.py",
        "for pk in takewhile(locked.__contains__, queue)", "for pk in queue if pk in locked",
        "outbox/engine/tests/test_claim.py",
    ),
    Mutant(
        "retry-not-waited-for", "outbox/engine/statements.py",
        "objects.due()\n        .filter(pk__in=ids)", "objects.pending()\n        .filter(pk__in=ids)",
        "outbox/engine/tests/test_claim.py",
    ),
    Mutant(
        "heads-of-two-lists", "outbox/engine/claim.py",
        "first.setdefault(event.aggregate, event)", "first[event.aggregate] = event",
        "outbox/engine/tests/test_claim.py -k requeued",
    ),
    Mutant(
        "id-cursor", "outbox/engine/claim.py",
        "self._slices = [self._read.ids[start : start + limit] for start in range(0, len(self._read.ids), limit)]",
        'seen = getattr(self, "seen", 0)\n'
        "        ids = [pk for pk in self._read.ids if pk > seen]\n"
        "        self.seen = max([seen, *ids])\n"
        "        self._slices = [ids[start : start + limit] for start in range(0, len(ids), limit)]",
        "order",
    ),
    Mutant(
        "failure-not-counted", "outbox/engine/failures.py",
        "attempts = event.attempts + 1", "attempts = event.attempts", "poison",
    ),
    Mutant(
        "event-in-a-transaction-of-its-own", "outbox/publisher.py",
        "    return OutboxEvent.objects.bulk_create(",
        f"    {COMMIT_HERE}\n"
        "    return OutboxEvent.objects.bulk_create(",
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
        "full-disk-that-makes-suspects", "outbox/engine/dispatcher.py",
        "if is_of_the_database(error) and not has_ended_the_connection(error):", "if False:",
        "outbox/guards/tests/test_in_hand.py -k disk",
    ),
    Mutant(
        "stamp-that-a-requeue-does-not-change", "outbox/engine/batch.py",
        "(event.pk, event.stamp)", "(event.pk, event.attempts)", "outbox/guards/tests/test_in_hand.py -k _exit",
    ),
    Mutant(
        "full-disk-never-counted", "outbox/engine/batch.py",
        "if not self.processed:\n                raise", "if True:\n                raise",
        "outbox/engine/tests/test_batch.py -k disk",
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
        "shared-server-not-seen", "qhse/deployment/connections.py",
        "if its is None or mine == int(its):", "if its is None:", "qhse/deployment/tests/test_connections.py -k Pooler",
    ),
    Mutant(
        "notifications-kept", "outbox/guards/second_connection.py",
        "                line.add_notify_handler(self._hear)", "                pass",
        "outbox/guards/tests/test_second_connection.py",
    ),
    Mutant(
        "statements-forgotten-behind-the-driver", "outbox/engine/prepared.py",
        '"DISCARD PLANS"', '"DEALLOCATE ALL"', "outbox/engine/tests/test_prepared.py -k fails_no",
    ),
    Mutant(
        "session-not-reset", "outbox/guards/session.py",
        "CLOSE ALL; UNLISTEN *; SELECT pg_advisory_unlock_all(); DISCARD TEMP\n", "",
        "outbox/guards/tests/test_session.py -k leaves",
    ),
    Mutant(
        "prune-takes-what-is-young", "outbox/pruning.py", "processed_at < ", "processed_at > ",
        "outbox/tests/test_pruning.py",
    ),
)  # fmt: skip
