"""Mutants of what auditors do: verifications in pieces, reviews, samples, dossiers."""

from __future__ import annotations

from lab.mutants.mutant import Mutant

VERIFYING = "audit/tests/test_verifying.py"
BESIDE_OTHERS = "audit/tests/test_verifying_beside_others.py"
PROOF_PAGE = "audit/tests/test_proof_page.py"
SAMPLING = "ncs/tests/test_sampling.py"
DOSSIERS = "ncs/tests/test_dossiers.py"

MUTANTS = (
    Mutant(
        "position-of-a-verification-believed", "audit/verifying.py",
        "if is_our_state(PURPOSE, _signed(running, running.walk), running.mark):", "if True:",
        f"{VERIFYING} -k begin_anew",
    ),
    Mutant(
        "verification-forgets-where-it-stood", "audit/verifying.py",
        "return PiecewiseVerification.standing_at(running.walk)", "return PiecewiseVerification.standing_at({})",
        f"{VERIFYING} -k where_it_stood",
    ),
    Mutant(
        "piece-tried-for-ever", "audit/verifying.py", "if running.tries < MOST_TRIES:", "if True:",
        f"{VERIFYING} -k given_up",
    ),
    Mutant(
        "sealed-meanwhile-not-verified", "audit/proof/pieces.py",
        '"catching up": PiecewiseVerification._seals,', '"catching up": PiecewiseVerification._end,',
        f"{VERIFYING} -k no_gap",
    ),
    Mutant(
        "gaps-between-seals-not-looked-at", "audit/proof/pieces.py", "if number > before + 1:", "if False:",
        f"{VERIFYING} -k middle",
    ),
    Mutant(
        "piece-taken-by-two-workers", "audit/verifying.py",
        "running = TrailVerification.objects.select_for_update(skip_locked=True, of=(\"self\",), no_key=True)",
        "running = TrailVerification.objects.all()", f"{BESIDE_OTHERS} -k passes_over",
    ),
    Mutant(
        "what-was-changed-is-stamped", "audit/reviewing.py",
        "if findings := seal_findings(seal):", "if findings := []:", f"{PROOF_PAGE} -k not_stamped",
    ),
    Mutant(
        "reviews-of-anybody-shown", "audit/reviewing.py",
        "newest = list(ours(AuditEntry.objects.filter(action=ACTION), past=MOST_FOREIGN))[:MOST_FOREIGN]",
        "newest = list(AuditEntry.objects.filter(action=ACTION))", f"{PROOF_PAGE} -k claims_no_review",
    ),
    Mutant(
        "samples-by-the-id-alone", "ncs/sampling.py", 'digest.update(b"%d" % pk)', 'digest.update(b"%d" % (pk % 7))',
        f"{SAMPLING} -k often",
    ),
    Mutant(
        "sample-without-the-last-day", "ncs/sampling.py", "after = last + timedelta(days=1)", "after = last",
        f"{SAMPLING} -k only_what_was_closed",
    ),
    Mutant(
        "dossier-not-recorded", "ncs/dossier/making.py",
        "record(actor=actor, action=ACTION, entity_type=ENTITY, entity_id=digest, changes=changes | more)", "pass",
        f"{DOSSIERS} -k digest",
    ),
    Mutant(
        "changed-files-in-dossiers", "ncs/dossier/bundle.py",
        'return "" if digest.hexdigest() == attachment.sha256 else "its content is not what was attached"', 'return ""',
        f"{DOSSIERS} -k another_and_says_so",
    ),
)  # fmt: skip
