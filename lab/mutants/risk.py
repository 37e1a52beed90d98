"""Mutants of the risk rule, of its figures, of what is stored of it and what is shown."""

from __future__ import annotations

from lab.mutants.mutant import Mutant

RULE = "suppliers/tests/test_risk.py"
CERTIFICATES = "suppliers/tests/test_risk_certificates.py"
FIGURES = "ncs/tests/test_risk_figures.py"
REASSESSMENT = "suppliers/tests/test_reassessment.py"
OVERRIDE = "suppliers/tests/test_override.py"
TRUTH = "kpi/tests/test_one_truth.py"

MUTANTS = (
    Mutant(
        "risk-of-a-clock-that-was-ahead-is-of-today", "suppliers/models/supplier.py",
        "        unseen |= Q(risk_assessed_at__gt=Now() + timedelta(minutes=1))\n", "",
        "suppliers/tests/test_reassessment.py -k clock_that_was_ahead",
    ),
    Mutant("without-open-ncs", "suppliers/risk/rule.py", "        *_open_ncs(figures),\n", "", f"{RULE} -k Vectors"),
    Mutant(
        "without-closed-ncs", "suppliers/risk/rule.py",
        "        *_closed_ncs(figures.cases),\n", "", f"{RULE} -k Vectors",
    ),
    Mutant(
        "without-repeats", "suppliers/risk/rule.py",
        "        *_repeats(figures.cases),\n", "", f"{RULE} -k Vectors",
    ),
    Mutant(
        "without-overdue", "suppliers/risk/rule.py",
        "        *_overdue(figures.cases),\n", "", f"{RULE} -k Vectors",
    ),
    Mutant(
        "without-ineffective", "suppliers/risk/rule.py", "        *_ineffective(figures.cases),\n",
        "", f"{RULE} -k Vectors",
    ),
    Mutant("without-certificates", "suppliers/risk/rule.py", "        *certified.lines,\n", "", f"{RULE} -k Vectors"),
    Mutant("without-ppm", "suppliers/risk/rule.py", "        *_ppm(figures),\n", "", f"{RULE} -k Vectors"),
    Mutant(
        "without-the-floor", "suppliers/risk/rule.py",
        "if score < floor else []", "if score < 0 else []", f"{RULE} -k Vectors",
    ),
    Mutant(
        "expired-required-without-the-floor", "suppliers/risk/rule.py",
        "at_risk=at_risk or certified.is_expired", "at_risk=at_risk", f"{RULE} -k Floor",
    ),
    Mutant(
        "missing-without-the-floor", "suppliers/risk/rule.py",
        "is_missing=certified.is_missing", "is_missing=False", f"{RULE} -k Vectors",
    ),
    Mutant(
        "closed-ones-never-fade", "suppliers/risk/rule.py",
        " * 0.5 ** (each.days / weights.CLOSED_NC_HALF_LIFE_DAYS)", "", f"{RULE} -k half",
    ),
    Mutant(
        "rounded-down", "suppliers/risk/lines.py",
        "math.floor(points + 0.5)", "math.floor(points)", f"{RULE} -k half",
    ),
    Mutant(
        "open-without-a-cap", "suppliers/risk/rule.py",
        "min(weights.OPEN_NC_CAP, points)", "points", f"{RULE} -k only_counts",
    ),
    Mutant(
        "ppm-of-a-handful", "suppliers/risk/figures.py",
        "        if self.received < PPM_LEAST_RECEIVED:\n", "        if not self.received:\n", f"{RULE} -k Delivery",
    ),
    Mutant(
        "worst-certificate-of-a-standard", "suppliers/risk/certificates.py",
        "    return min(\n        (_of_certificate",
        "    return max(\n        (_of_certificate", f"{CERTIFICATES} -k speaks_best",
    ),
    Mutant(
        "best-standard-of-a-supplier", "suppliers/risk/certificates.py",
        "worst = max(candidates", "worst = min(candidates", f"{CERTIFICATES} -k worst",
    ),
    Mutant(
        "unverified-is-as-good", "suppliers/risk/certificates.py",
        "points + UNVERIFIED_POINTS", "points", f"{CERTIFICATES} -k OneStandard",
    ),
    Mutant(
        "declared-date-is-forgotten", "suppliers/risk/certificates.py",
        "[*of_standards, *_declared(figures, today)]", "[*of_standards]", f"{CERTIFICATES} -k declared_date",
    ),
    Mutant(
        "renewal-after-a-gap-counts", "suppliers/coverage.py",
        " and (each.valid_from - last).days <= 1", "", f"{CERTIFICATES} -k gap",
    ),
    Mutant(
        "recorded-twice-counts-twice", "ncs/risk_figures.py",
        "(ClosureCode.UNFOUNDED, ClosureCode.DUPLICATE)", "(ClosureCode.UNFOUNDED,)", f"{FIGURES} -k recorded_twice",
    ),
    Mutant(
        "late-actions-move-nothing", "ncs/handlers.py",
        "ActionOpened, ActionChanged, ActionDone", "ActionChanged", f"{FIGURES} -k due_dates",
    ),
    Mutant(
        "history-without-a-change", "suppliers/reassessment.py",
        "        if not has_ended and not _differs(supplier, assessment):\n            continue\n", "",
        f"{REASSESSMENT} -k only_when",
    ),
    Mutant(
        "moves-within-a-level-are-secret", "suppliers/reassessment.py",
        " or abs(supplier.risk_score - assessment.score) >= MOVED", "", f"{REASSESSMENT} -k five_points",
    ),
    Mutant(
        "daily-piece-waits-for-locks", "suppliers/reassessment.py", ", skip_locked=True",
        "", f"{REASSESSMENT} -k somebody_holds",
    ),
    Mutant(
        "override-never-ends", "suppliers/reassessment.py",
        "supplier.override_until is not None and supplier.override_until < day", "False", f"{REASSESSMENT} -k last_day",
    ),
    Mutant(
        "override-for-ever", "suppliers/services/risk.py",
        "not today <= until <= last", "until < today", f"{OVERRIDE} -k ninety",
    ),
    Mutant(
        "override-out-of-date-is-shown", "suppliers/models/standing.py",
        "RiskLevel(self.override_level) if self.override_in_force else",
        "RiskLevel(self.override_level) if self.override_level else",
        f"{OVERRIDE} -k taken_it_off",
    ),
    Mutant(
        "pending-events-are-overlooked", "suppliers/models/standing.py",
        "            and not behind().is_waiting(self.pk)\n", "", f"{TRUTH} -k Currency",
    ),
    Mutant(
        "yesterday-is-as-good", "suppliers/models/standing.py",
        "            and assessed.astimezone(UTC).date() == self.read_on\n", "", f"{TRUTH} -k overnight",
    ),
    Mutant(
        "page-does-not-say-that-it-is-old", "suppliers/admin/risk.py",
        "    if not supplier.risk_is_current:\n", "    if False:\n", f"{TRUTH} -k in_a_sentence",
    ),
)  # fmt: skip
