"""Mutants of the outbox engine, most of them caught by the fault laboratory."""

from __future__ import annotations

from lab.mutants.mutant import Mutant

COMMIT_HERE = "connection.connection.commit()"

MUTANTS = (
    Mutant(
        "no-skip-locked", "outbox/engine/claim.py",
        'select_for_update(skip_locked=True, of=("self",))', "all()",
        "outbox/engine/tests/test_claim.py",
    ),
    Mutant(
        "no-dedupe", "outbox/engine/delivery.py",
        "return None if cursor.rowcount == len(pairs) else set(cursor.fetchall())", "return None",
        "replay",
    ),
    Mutant(
        "no-batch-transaction", "outbox/engine/dispatcher.py",
        "with transaction.atomic(), self.watch.watching():", "with self.watch.watching():",
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
        "fresh = _remember(", "fresh = set(", "replay",
    ),
    Mutant(
        "no-savepoint", "outbox/engine/batch.py",
        "with transaction.atomic():\n                    self._owner.courier",
        "with nullcontext():\n                    self._owner.courier",
        "poison",
    ),
    Mutant(
        "no-predecessor-condition", "outbox/engine/statements.py",
        "WHERE in_turn.id = (", "WHERE in_turn.id >= (", "order",
    ),
    Mutant(
        "no-gap-check", "outbox/engine/claim.py",
        "for pk in _without_gap(queue, locked)", "for pk in queue if pk in locked", "outbox/engine/tests/test_claim.py",
    ),
    Mutant(
        "retry-not-waited-for", "outbox/engine/claim.py",
        "OutboxEvent.objects.due()\n        .with_ids(ids)", "OutboxEvent.objects.pending()\n        .with_ids(ids)",
        "outbox/engine/tests/test_claim.py",
    ),
    Mutant(
        "id-cursor", "outbox/engine/claim.py",
        "        ids = self._read.ids\n",
        '        seen = getattr(self, "seen", 0)\n'
        "        ids = [pk for pk in self._read.ids if pk > seen]\n"
        "        self.seen = max([seen, *ids])\n",
        "order",
    ),
    Mutant(
        "failure-not-counted", "outbox/engine/failures.py",
        "attempts = event.attempts + 1", "attempts = event.attempts", "poison",
    ),
    Mutant(
        "event-in-a-transaction-of-its-own", "outbox/publisher.py",
        "    return OutboxEvent.objects.bulk_create(",
        f"    transaction.get_{COMMIT_HERE.replace('connection.connection', 'connection().connection')}\n"
        "    return OutboxEvent.objects.bulk_create(",
        "killpoints",
    ),
    Mutant(
        "nothing-in-hand", "outbox/guards/in_hand.py",
        "        pairs = [(event.pk", "        return Suspicion()\n        pairs = [(event.pk",
        "outbox/engine/tests/test_misbehaviour.py -k _exit",
    ),
    Mutant(
        "constraints-looked-at-in-the-commit", "outbox/engine/delivery.py",
        "            _check_deferred_constraints(groups[-1][0])\n", "", "poison",
    ),
    Mutant(
        "errors-shown-unguarded", "outbox/engine/retry.py",
        "return repr(error)[:200]\n    except Exception:", "return repr(error)[:200]\n    except KeyError:",
        "poison",
    ),
    Mutant(
        "exit-not-caught", "outbox/engine/delivery.py",
        "except BaseException as error:\n                # BaseException",
        "except Exception as error:\n                # BaseException", "poison",
    ),
    Mutant(
        "heads-of-two-lists", "outbox/engine/claim.py",
        "heads.setdefault(event.aggregate, event)", "heads[event.aggregate] = event",
        "outbox/engine/tests/test_claim.py -k requeued",
    ),
    Mutant(
        "turn-that-a-requeue-does-not-end", "outbox/guards/in_hand.py",
        "(event.pk, event.turn)", "(event.pk, event.attempts)", "outbox/engine/tests/test_misbehaviour.py -k _exit",
    ),
    Mutant(
        "full-disk-never-counted", "outbox/engine/batch.py",
        "if not self.processed:\n                raise", "if True:\n                raise",
        "outbox/engine/tests/test_misbehaviour.py -k disk",
    ),
    Mutant(
        "time-zone-lost", "outbox/guards/session.py",
        "        connection.ensure_timezone()", "        pass",
        "outbox/engine/tests/test_misbehaviour.py -k utc",
    ),
    Mutant(
        "session-not-reset", "outbox/engine/dispatcher.py",
        "            if self.watch.touched:\n                reset_session()\n", "",
        "outbox/engine/tests/test_misbehaviour.py -k leaves",
    ),
    Mutant(
        "prune-takes-what-is-young", "outbox/pruning.py", "processed_at < ", "processed_at > ",
        "outbox/tests/test_pruning.py",
    ),
)  # fmt: skip
