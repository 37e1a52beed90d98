"""Mutants of the audit trail: what it records, its seals, its verification and its exports."""

from __future__ import annotations

from qhse.mutants.mutant import Mutant

SEALING = "audit/tests/test_sealing.py"
VERIFICATION = "audit/tests/test_verification.py"
EXPORT = "audit/tests/test_export.py"

MUTANTS = (
    Mutant(
        "reason-not-sealed", "audit/proofs.py", '"changes", "reason",', '"changes",', VERIFICATION,
    ),
    Mutant(
        "name-not-sealed", "audit/verify_export.py",
        "return actor_digest(name, salt) == digest if salt else", "return bool(salt) or", VERIFICATION,
    ),
    Mutant(
        "seals-not-chained", "audit/verification.py",
        "elif seal.previous_hash != (previous.hash if previous else NO_SEAL):", "elif False:", VERIFICATION,
    ),
    Mutant(
        "list-of-entries-not-compared", "audit/verification.py",
        "or merkle_root(listed).hex() != seal.merkle_root:", "or not listed:", VERIFICATION,
    ),
    Mutant(
        "checkpoints-not-compared", "audit/verification.py",
        'elif seal.hash != checkpoint["hash"]:', "elif False:", VERIFICATION,
    ),
    Mutant(
        "past-not-closed", "audit/verification.py",
        "elif head is not None and horizon is not None and entry.created_at < horizon:", "elif False:", VERIFICATION,
    ),
    Mutant(
        "unmarked-are-sealed", "audit/sealing.py", "        if is_marked(entry):\n", "        if True:\n", SEALING,
    ),
    Mutant(
        "new-by-id", "audit/sealing.py",
        'unsealed = AuditEntry.objects.unsealed().order_by("pk")',
        'last = SealedEntry.objects.order_by("-entry_id").values_list("entry_id", flat=True).first() or 0\n'
        '    unsealed = AuditEntry.objects.filter(pk__gt=last).order_by("pk")',
        f"{SEALING} -k commits_after",
    ),
    Mutant(
        "running-transactions-not-waited-for", "audit/sealing.py",
        "least(now(), min(xact_start))", "now()", f"{SEALING} -k oldest",
    ),
    Mutant(
        "sealers-not-in-turn", "audit/sealing.py",
        'if connection.vendor != "postgresql":\n        return True  # SQLite has',
        "if True:\n        return True  # SQLite has",
        f"{SEALING} -k second_sealer",
    ),
    Mutant(
        "triggers-not-always", "audit/migrations/0004_seals.py",
        "ENABLE ALWAYS TRIGGER {table}_refuse_update_or_delete;", "ENABLE TRIGGER {table}_refuse_update_or_delete;",
        f"{SEALING} -k ways_around",
    ),
    Mutant(
        "export-not-proven", "audit/verify_export.py",
        'elif root != seal["merkle_root"]:', "elif not root:", f"{EXPORT} -k manipulated",
    ),
    Mutant(
        "export-not-recorded", "audit/export.py", 'action="AUDIT_TRAIL_EXPORTED"', 'action="EXPORTED"', EXPORT,
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
