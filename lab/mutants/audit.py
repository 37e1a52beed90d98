"""Mutants of the audit trail: what it records, its seals, its verification and its exports."""

from __future__ import annotations

from lab.mutants.mutant import Mutant

SEALING = "audit/proof/tests/test_sealing.py"
VERIFICATION = "audit/proof/tests/test_verification.py"
EXPORT = "audit/proof/tests/test_export.py"

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
        "if seal.number == link[0] + 1 and seal.previous_hash != link[1]:", "if False:", VERIFICATION,
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
        "past-not-closed", "audit/proof/verification.py",
        "entry.created_at >= self._closed.horizon:", "True:", VERIFICATION,
    ),
    Mutant(
        "unmarked-are-sealed", "audit/proof/sealing.py",
        "            if voucher is Voucher.OURS:\n", "            if voucher is not Voucher.UNKNOWN:\n", SEALING,
    ),
    Mutant(
        "new-by-id", "audit/proof/sealing.py",
        "ids = _ids(first.filter(pk__gt=after))",
        'last = SealedEntry.objects.order_by("-entry_id").values_list("entry_id", flat=True).first() or 0\n'
        "    ids = _ids(first.filter(pk__gt=last))",
        f"{SEALING} -k commits_after",
    ),
    Mutant(
        "running-transactions-not-waited-for", "audit/proof/sealing.py",
        "least(now(), min(xact_start))", "now()", f"{SEALING} -k oldest",
    ),
    Mutant(
        "sealers-not-in-turn", "audit/proof/sealing.py",
        'if connection.vendor != "postgresql":\n        return True  # SQLite has',
        "if True:\n        return True  # SQLite has",
        f"{SEALING} -k second_sealer",
    ),
    Mutant(
        "marks-of-seals-not-checked", "audit/proof/verification.py",
        "elif voucher is Voucher.NOBODY:\n                yield Finding", "elif False:\n                yield Finding",
        VERIFICATION,
    ),
    Mutant(
        "forged-seals-believed-by-the-sealer", "audit/proof/reading.py",
        "return voucher_of_seal(seal) is Voucher.OURS", "return True", SEALING,
    ),
    Mutant(
        "marks-of-entries-not-checked", "audit/proof/verification.py",
        "        if voucher is Voucher.NOBODY:\n", "        if False:\n", VERIFICATION,
    ),
    Mutant(
        "time-not-marked", "audit/proof/marks.py",
        "    return canonical(entry_document(entry))\n",
        '    return canonical(entry_document(entry) | {"created_at": ""})\n', VERIFICATION,
    ),
    Mutant(
        "repeated-ids-not-looked-for", "audit/proof/verification.py",
        '        if len(copies) > 1:\n            return "is there', '        if False:\n            return "is there',
        VERIFICATION,
    ),
    Mutant(
        "unknown-key-does-not-hold-the-horizon", "audit/proof/sealing.py",
        "closed = min([oldest - HORIZON_MARGIN, *new.unknown])", "closed = oldest - HORIZON_MARGIN", SEALING,
    ),
    Mutant(
        "acceptance-by-anybody", "audit/proof/late.py", "any(is_marked(other) and", "any(bool(other) and", SEALING,
    ),
    Mutant(
        "part-recorded-as-whole", "audit/proof/verification.py",
        "return self.since is None and self.newest is None", "return True", VERIFICATION,
    ),
    Mutant(
        "any-checkpoint-accepted", "audit/proof/verify_export.py",
        "if any_given and not self.matched:", "if False:", EXPORT,
    ),
    Mutant(
        "triggers-not-always", "audit/migrations/0004_seals.py",
        "ENABLE ALWAYS TRIGGER {table}_refuse_update_or_delete;", "ENABLE TRIGGER {table}_refuse_update_or_delete;",
        f"{SEALING} -k ways_around",
    ),
    Mutant(
        "export-not-proven", "audit/proof/verify_export.py",
        'elif root != seal["merkle_root"]:', "elif not root:", f"{EXPORT} -k manipulated",
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
