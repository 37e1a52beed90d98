"""Mutants of the audit trail: what it records, its seals, its verification and its exports."""

from __future__ import annotations

from lab.mutants.mutant import Mutant

SEALING = "audit/proof/tests/test_sealing.py"
BESIDE_OTHERS = "audit/proof/tests/test_sealing_beside_others.py"
VERIFICATION = "audit/proof/tests/test_verification.py"
LATE = "audit/proof/tests/test_late.py"
EXPORT = "audit/proof/tests/test_export.py"
REFUSALS = "qhse/api/tests/test_refusals.py"
COMMANDS = "audit/tests/test_commands.py"
PERIODIC = "qhse/tests/test_periodic.py"
NEIGHBOURS = "audit/proof/tests/test_hostile_neighbours.py"
VERIFY_EXPORT = "audit/proof/tests/test_verify_export.py"

MUTANTS = (
    Mutant(
        "late-entries-not-counted", "audit/proof/sealing.py",
        "late = sum(entry.created_at < until for entry in sealed)", "late = 0", "audit/tests/test_selectors.py -k late",
    ),
    Mutant(
        "burst-counted-again-by-each-reader", "audit/proof/sealing.py",
        "turn.counted, turn.counted_until = turn.counted + came, max(horizon, until)", "return",
        "audit/tests/test_selectors.py -k burst",
    ),
    Mutant(
        "reason-not-sealed", "audit/proof/documents.py", '"changes", "reason",', '"changes",', VERIFICATION,
    ),
    Mutant(
        "name-not-sealed", "audit/proof/verify_export.py",
        "return re.fullmatch(SALT, salt) is not None and actor_digest(name, salt) == digest",
        "return True", VERIFICATION,
    ),
    Mutant(
        "seals-not-chained", "audit/proof/verification.py",
        "if owner is not MarkOwner.NOBODY and seal.previous_hash not in (self._linked, link[1]):", "if False:",
        VERIFICATION,
    ),
    Mutant(
        "list-of-entries-not-compared", "audit/proof/verification.py",
        "or merkle_root(listed).hex() != seal.merkle_root:", "or not listed:", VERIFICATION,
    ),
    Mutant(
        "checkpoints-not-compared", "audit/proof/checkpoints.py",
        'elif hashes != [checkpoint["hash"]]:', "elif False:", VERIFICATION,
    ),
    Mutant(
        "checkpoint-of-any-seal", "audit/management/commands/audit_checkpoint.py",
        "from audit.proof.reading import newest_seal\n", "newest_seal = AuditSeal.objects.first\n",
        f"{COMMANDS} -k checkpoint",
    ),
    Mutant(
        "past-not-closed", "audit/proof/verification.py",
        "not self._closed.had_closed(entry.created_at):", "True:", VERIFICATION,
    ),
    Mutant(
        "unmarked-are-sealed", "audit/proof/sealing.py",
        "            if owner is MarkOwner.OURS:\n", "            if owner is not MarkOwner.UNKNOWN:\n", SEALING,
    ),
    Mutant(
        "new-by-id", "audit/proof/sealing.py",
        "ids = _unsealed_ids(place & Q(pk__gt=after))",
        'last = SealedEntry.objects.order_by("-entry_id").values_list("entry_id", flat=True).first() or 0\n'
        "    ids = _unsealed_ids(place & Q(pk__gt=last))",
        f"{BESIDE_OTHERS} -k commits_after",
    ),
    Mutant(
        "whole-trail-read-by-each-pass", "qhse/database.py",
        "set_config('enable_seqscan', 'on', true), set_config('enable_sort', 'on', true), ", "",
        f"{BESIDE_OTHERS} -k whatever_plans",
    ),
    Mutant(
        "behind-a-burst-forgotten", "audit/proof/sealing.py",
        "earlier = _unsealed_ids(place & Q(pk__range=(1, after))) if after else []", "earlier = list[int]()",
        "audit/tests/test_jobs.py -k behind_the_passes",
    ),
    Mutant(
        "strangers-hold-the-horizon", "audit/proof/sealing.py",
        "new.whole = len(earlier) < LOOKED_AT", "new.whole = len(earlier) <= BLOCK",
        "audit/tests/test_jobs.py -k strangers",
    ),
    Mutant(
        "places-in-the-last-seal-hide-others", "audit/proof/sealing.py",
        "seal_id=head.number, position__lt=head.entry_count)", "seal_id=head.number)",
        f"{NEIGHBOURS} -k taken_before",
    ),
    Mutant(
        "running-transactions-not-waited-for", "audit/proof/sealing.py",
        "least(now(), min(xact_start))", "now()", f"{BESIDE_OTHERS} -k oldest",
    ),
    Mutant(
        "hidden-writers-not-waited-for", "audit/proof/sealing.py",
        "WHEN count(*) = count(xact_start) THEN", "WHEN true THEN", f"{BESIDE_OTHERS} -k hides_its_activity",
    ),
    Mutant(
        "sealers-not-in-turn", "audit/proof/sealing.py",
        "turn = SealingTurn.objects.select_for_update(skip_locked=True).first()\n    if turn is None and",
        "turn = SealingTurn.objects.first()\n    if turn is None and", f"{BESIDE_OTHERS} -k second_sealer",
    ),
    Mutant(
        "marks-of-seals-not-checked", "audit/proof/verification.py",
        "if owner is MarkOwner.NOBODY else \"\"", "if False else \"\"", VERIFICATION,
    ),
    Mutant(
        "forged-seals-believed-by-the-sealer", "audit/proof/reading.py",
        "genuine = [row for row in found.get(key, ()) if is_ours(row)]", "genuine = list(found.get(key, ()))",
        "audit/proof/tests/test_reading.py -k others",
    ),
    Mutant(
        "marks-of-entries-not-checked", "audit/proof/verification.py",
        "        if owner is MarkOwner.NOBODY:\n", "        if False:\n", VERIFICATION,
    ),
    Mutant(
        "time-not-marked", "audit/proof/marks.py",
        'b"qhse audit entry", canonical(entry_document(row))',
        'b"qhse audit entry", canonical(entry_document(row) | {"created_at": ""})', VERIFICATION,
    ),
    Mutant(
        "repeated-ids-not-looked-for", "audit/proof/verification.py",
        "if len(copies) > 1:", "if False:", f"{VERIFICATION} -k second_entry_with_the_same_id",
    ),
    Mutant(
        "unknown-key-does-not-hold-the-horizon", "audit/proof/sealing.py",
        "closed = min([oldest - HORIZON_MARGIN, *new.unknown])", "closed = oldest - HORIZON_MARGIN", SEALING,
    ),
    Mutant(
        "acceptance-by-anybody", "audit/proof/late.py",
        "for acceptance in ours(said))", "for acceptance in said)", LATE,
    ),
    Mutant(
        "part-recorded-as-whole", "audit/proof/verification.py",
        "return self.since is None and self.newest is None", "return True", VERIFICATION,
    ),
    Mutant(
        "any-checkpoint-accepted", "audit/proof/verify_export.py",
        "if any_given and not self.matched:", "if False:", VERIFY_EXPORT,
    ),
    Mutant(
        "triggers-not-always", "audit/migrations/0004_seals.py",
        "ENABLE ALWAYS TRIGGER {table}_refuse_update_or_delete;", "ENABLE TRIGGER {table}_refuse_update_or_delete;",
        f"{SEALING} -k ways_around",
    ),
    Mutant(
        "export-not-proven", "audit/proof/verify_export.py",
        'elif root != seal["merkle_root"]:', "elif not root:", f"{VERIFY_EXPORT} -k manipulated",
    ),
    Mutant(
        "export-not-recorded", "audit/proof/export.py", 'action="AUDIT_TRAIL_EXPORTED"', 'action="EXPORTED"',
        f"{EXPORT} -k records_the_export",
    ),
    Mutant(
        "turn-that-anybody-can-hold", "audit/proof/sealing.py",
        "turn = _take_turn()\n",
        "from qhse.database import take_turn\n    turn = _take_turn() if take_turn(0x5EA1) else None\n",
        f"{NEIGHBOURS} -k advisory",
    ),
    Mutant(
        "held-up-sealing-not-found", "audit/proof/verification.py",
        "        yield from self._waiting_problems()\n", "", f"{NEIGHBOURS} -k held",
    ),
    Mutant(
        "held-up-sealing-not-logged", "audit/proof/sealing.py",
        "        if done.had_no_turn:\n", "        if False:\n", f"{NEIGHBOURS} -k held",
    ),
    Mutant(
        "numbers-passed-over-one-by-one", "audit/proof/sealing.py",
        "*(1 + random.randrange(1 << power) for power in range(4, 31))", "*range(9, 100_000)",
        f"{NEIGHBOURS} -k behind",
    ),
    Mutant(
        "foreign-places-blacken-seals", "audit/proof/verification.py",
        "filter(size=32, position__lt=seal.entry_count)", "all()", f"{NEIGHBOURS} -k old_seal",
    ),
    Mutant(
        "foreign-places-not-named", "audit/proof/verification.py",
        "        if not is_forged:\n", "        if False:\n", f"{NEIGHBOURS} -k old_seal",
    ),
    Mutant(
        "falsified-entries-exported", "audit/proof/selection.py",
        "if leaf(document) == digest and has_its_name(entry):", "if True:", f"{EXPORT} -k left_out",
    ),
    Mutant(
        "export-silent-about-problems", "audit/management/commands/export_audit_trail.py",
        "if exported.problems:", "if False:", f"{EXPORT} -k left_out",
    ),
    Mutant(
        "swallowed-entries-not-noticed", "audit/models/trail.py",
        "if len(rows) != len(objs):", "if False:", f"{NEIGHBOURS} -k vanish",
    ),
    Mutant(
        "triggers-not-looked-at", "audit/proof/guards.py", 'elif enabled != "A":', "elif False:",
        f"{NEIGHBOURS} -k weakened",
    ),
    Mutant(
        "foreign-triggers-not-looked-at", "audit/proof/guards.py", "if wanted is None:", "if False:",
        f"{NEIGHBOURS} -k vanish",
    ),
    Mutant(
        "salt-of-any-form", "audit/proof/verify_export.py",
        "re.fullmatch(SALT, salt) is not None and", "", f"{VERIFY_EXPORT} -k divided",
    ),
    Mutant(
        "restore-by-anybody", "audit/proof/restores.py",
        "for entry in ours(AuditEntry.objects.filter(action=ACTION)):",
        "for entry in AuditEntry.objects.filter(action=ACTION):",
        f"{COMMANDS} -k declared",
    ),
    Mutant(
        "restore-forgotten", "audit/proof/verification.py",
        "self.summary.restores = [str(restore) for restore in declared]", "pass",
        f"{COMMANDS} -k somebody_says",
    ),
    Mutant(
        "a-job-without-an-end", "qhse/periodic.py", "if time.monotonic() > ends_at:", "if False:",
        PERIODIC,
    ),
    Mutant(
        "two-jobs-in-one-bound", "qhse/periodic.py",
        "more = _attempt(jobs[name])",
        "more = max([_attempt(jobs[other]) for other in {name, *self.due()}])", PERIODIC,
    ),
    Mutant(
        "who-asks-for-a-job-waits-for-its-turn", "outbox/engine/worker.py",
        "                self._jobs.wake()\n                return\n", "                return\n",
        "outbox/tests/test_wakeup.py -k asks_for_a_job",
    ),
    Mutant(
        "a-worker-with-a-long-job-is-deaf", "outbox/engine/worker.py",
        "        while not self._stopping:\n            self._beat()\n            left",
        "        while not self._stopping and time.monotonic() < ends_at:\n            self._beat()\n            left",
        f"{PERIODIC} -k listens_also",
    ),
    Mutant(
        "a-woken-job-at-each-word", "qhse/periodic.py",
        "max(now, self._done_at[name] + pause)", "now", PERIODIC,
    ),
    Mutant(
        "each-refusal-has-an-entry", "qhse/api/problems/refusals.py",
        "abs(counter.now - counter.recorded_at) < WINDOW:", "counter.now < counter.recorded_at:",
        REFUSALS,
    ),
    Mutant(
        "refusals-counted-without-a-lock", "qhse/api/problems/refusals.py",
        "counter = RefusalCounter.objects.select_for_update().annotate(now=Now())",
        "counter = RefusalCounter.objects.annotate(now=Now())",
        f"{REFUSALS} -k at_once",
    ),
    Mutant(
        "everybody-verifies", "audit/permissions.py",
        '"verify": frozenset({Role.AUDITOR, Role.ADMIN})', '"verify": EVERYONE', "audit/tests/test_admin.py -k others",
    ),
    Mutant(
        "close-without-old-value", "ncs/services/closing.py",
        "changes={name: pair for name, pair in told.items() if pair[0] != pair[1]}", "changes={}",
        "audit/tests/test_completeness.py",
    ),
    Mutant(
        "worker-leaves-no-entry", "suppliers/reassessment.py",
        "        record_all(told.entries)\n", "", "audit/tests/test_completeness.py",
    ),
)  # fmt: skip
