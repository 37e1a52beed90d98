"""Mutants of the audit trail: what it records, its seals, its verification and its exports."""

from __future__ import annotations

from lab.mutants.mutant import Mutant

SEALING = "audit/proof/tests/test_sealing.py"
BESIDE_OTHERS = "audit/proof/tests/test_sealing_beside_others.py"
VERIFICATION = "audit/proof/tests/test_verification.py"
LATE = "audit/proof/tests/test_late.py"
EXPORT = "audit/proof/tests/test_export.py"
VERIFY_EXPORT = "audit/proof/tests/test_verify_export.py"

MUTANTS = (
    Mutant(
        "reason-not-sealed", "audit/proof/documents.py", '"changes", "reason",', '"changes",', VERIFICATION,
    ),
    Mutant(
        "name-not-sealed", "audit/proof/verify_export.py",
        "return actor_digest(name, salt) == digest if salt else", "return bool(salt) or", VERIFICATION,
    ),
    Mutant(
        "seals-not-chained", "audit/proof/verification.py",
        "if number == link[0] + 1 and seal.previous_hash != link[1]:", "if False:", VERIFICATION,
    ),
    Mutant(
        "list-of-entries-not-compared", "audit/proof/verification.py",
        "or merkle_root(listed).hex() != seal.merkle_root:", "or not listed:", VERIFICATION,
    ),
    Mutant(
        "checkpoints-not-compared", "audit/proof/verification.py",
        'elif hashes != [checkpoint["hash"]]:', "elif False:", VERIFICATION,
    ),
    Mutant(
        "checkpoint-of-any-seal", "audit/management/commands/audit_checkpoint.py",
        "from audit.proof.reading import newest_seal\n",
        "from audit.models import AuditSeal\n\nnewest_seal = AuditSeal.objects.first\n",
        "audit/tests/test_commands.py -k checkpoint",
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
        "running-transactions-not-waited-for", "audit/proof/sealing.py",
        "least(now(), min(xact_start))", "now()", f"{BESIDE_OTHERS} -k oldest",
    ),
    Mutant(
        "hidden-writers-not-waited-for", "audit/proof/sealing.py",
        "WHEN count(*) = count(xact_start) THEN", "WHEN true THEN", f"{BESIDE_OTHERS} -k hides_its_activity",
    ),
    Mutant(
        "sealers-not-in-turn", "audit/proof/sealing.py", "if not take_turn(LOCK):", "if False:",
        f"{BESIDE_OTHERS} -k second_sealer",
    ),
    Mutant(
        "marks-of-seals-not-checked", "audit/proof/verification.py",
        "if owner is MarkOwner.NOBODY else \"\"", "if False else \"\"", VERIFICATION,
    ),
    Mutant(
        "forged-seals-believed-by-the-sealer", "audit/proof/reading.py",
        "yield from filter(is_ours, found.get(key, ()))", "yield from found.get(key, ())", SEALING,
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
        "if len(copies) > 1:", "if False:", VERIFICATION,
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
        "export-not-recorded", "audit/proof/export.py", 'action="AUDIT_TRAIL_EXPORTED"', 'action="EXPORTED"', EXPORT,
    ),
    Mutant(
        "everybody-verifies", "audit/permissions.py",
        '"verify": frozenset({Role.AUDITOR, Role.ADMIN})', '"verify": EVERYONE', "audit/tests/test_admin.py -k others",
    ),
    Mutant(
        "close-without-old-value", "ncs/services.py",
        'changes={"status": (nc.status, NcStatus.CLOSED.value)}', "changes={}", "audit/tests/test_completeness.py",
    ),
    Mutant(
        "worker-leaves-no-entry", "suppliers/reassessment.py",
        "        record_all(entries)\n", "", "audit/tests/test_completeness.py",
    ),
)  # fmt: skip
