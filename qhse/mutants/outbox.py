"""Mutants of the outbox engine, most of them caught by the fault laboratory."""

from __future__ import annotations

from qhse.mutants.mutant import Mutant

COMMIT_HERE = "connection.connection.commit()"

MUTANTS = (
    Mutant(
        "no-skip-locked", "outbox/claim.py",
        'select_for_update(skip_locked=True, of=("self",))', "all()",
        "outbox/tests/test_claim.py",
    ),
    Mutant(
        "no-dedupe", "outbox/delivery.py",
        "return None if cursor.rowcount == len(pairs) else set(cursor.fetchall())", "return None",
        "replay",
    ),
    Mutant(
        "no-batch-transaction", "outbox/dispatcher.py",
        "with transaction.atomic(), self.watch.watching():", "with self.watch.watching():",
        "killpoints",
    ),
    Mutant(
        "remembered-before-the-effects", "outbox/delivery.py",
        "            due = todo if fresh is None",
        f"            {COMMIT_HERE}\n            due = todo if fresh is None",
        "killpoints",
    ),
    Mutant(
        "not-remembered", "outbox/delivery.py",
        "fresh = _remember(", "fresh = set(", "replay",
    ),
    Mutant(
        "no-savepoint", "outbox/batch.py",
        "with transaction.atomic():\n                    self._owner.courier",
        "with nullcontext():\n                    self._owner.courier",
        "poison",
    ),
    Mutant(
        "no-predecessor-condition", "outbox/heads.py", "WHERE in_turn.id = (", "WHERE in_turn.id >= (", "order",
    ),
    Mutant(
        "no-gap-check", "outbox/claim.py",
        "for pk in _without_gap(queue, locked)", "for pk in queue if pk in locked", "outbox/tests/test_claim.py",
    ),
    Mutant(
        "retry-not-waited-for", "outbox/claim.py",
        "OutboxEvent.objects.due()\n        .with_ids(ids)", "OutboxEvent.objects.pending()\n        .with_ids(ids)",
        "outbox/tests/test_claim.py",
    ),
    Mutant(
        "id-cursor", "outbox/claim.py",
        "        ids = self._read.ids\n",
        '        seen = getattr(self, "seen", 0)\n'
        "        ids = [pk for pk in self._read.ids if pk > seen]\n"
        "        self.seen = max([seen, *ids])\n",
        "order",
    ),
    Mutant(
        "failure-not-counted", "outbox/failures.py",
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
        "nothing-in-hand", "outbox/inhand.py",
        "        pairs = [(event.pk", "        return Suspicion()\n        pairs = [(event.pk",
        "outbox/tests/test_misbehaviour.py -k _exit",
    ),
    Mutant(
        "constraints-looked-at-in-the-commit", "outbox/delivery.py",
        "            _check_deferred_constraints(groups[-1][0])\n", "", "poison",
    ),
    Mutant(
        "errors-shown-unguarded", "outbox/retry.py",
        "return repr(error)[:200]\n    except Exception:", "return repr(error)[:200]\n    except KeyError:",
        "poison",
    ),
    Mutant(
        "exit-not-caught", "outbox/delivery.py", "except BaseException as error:\n                # BaseException",
        "except Exception as error:\n                # BaseException", "poison",
    ),
    Mutant(
        "heads-of-two-lists", "outbox/claim.py",
        "heads.setdefault(event.aggregate, event)", "heads[event.aggregate] = event",
        "outbox/tests/test_claim.py -k requeued",
    ),
    Mutant(
        "turn-that-a-requeue-does-not-end", "outbox/inhand.py",
        "(event.pk, event.turn)", "(event.pk, event.attempts)", "outbox/tests/test_misbehaviour.py -k _exit",
    ),
    Mutant(
        "full-disk-never-counted", "outbox/batch.py",
        "if not self.processed:\n                raise", "if True:\n                raise",
        "outbox/tests/test_misbehaviour.py -k disk",
    ),
    Mutant(
        "time-zone-lost", "outbox/session.py",
        "        connection.ensure_timezone()", "        pass",
        "outbox/tests/test_misbehaviour.py -k utc",
    ),
    Mutant(
        "session-not-reset", "outbox/dispatcher.py",
        "            if self.watch.touched:\n                reset_session()\n", "",
        "outbox/tests/test_misbehaviour.py -k leaves",
    ),
    Mutant(
        "prune-takes-what-is-young", "outbox/pruning.py", "processed_at < ", "processed_at > ",
        "outbox/tests/test_pruning.py",
    ),
)  # fmt: skip
