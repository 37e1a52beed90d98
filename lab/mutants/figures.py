"""Mutants of the quality figures: what is noted, what is summed, and what is said of a past day."""

from __future__ import annotations

from lab.mutants.mutant import Mutant

BELATED = "kpi/tests/test_belated.py"
REPLAY = "kpi/tests/test_quality_replay.py"
SUMMING = "kpi/tests/test_summing.py"
SHOWN = "kpi/tests/test_shown_levels.py"
TRUTH = "kpi/tests/test_quality_truth.py"

MUTANTS = (
    Mutant(
        "mistakes-count", "kpi/movements/states.py",
        "return f\"{row}.closure_code <> 'unfounded'\"", 'return "1 = 1"', f"{TRUTH} -k mistake",
    ),
    Mutant("today-is-summed", "kpi/movements/summing.py", "day >= today", "day > today", f"{SUMMING} -k not_over"),
    Mutant(
        "a-day-does-not-wait-for-who-still-writes", "kpi/movements/summing.py",
        "return take_turn(turns.of_day(day))", "return True", f"{SUMMING} -k waits",
    ),
    Mutant(
        "who-notes-a-movement-does-not-share-the-lock-of-its-day", "kpi/movements/triggers.py",
        'f"PERFORM pg_advisory_xact_lock_shared({turns.FIRST_DAY} + (NEW.day - DATE \'{turns.EPOCH}\')); "',
        '""', f"{BELATED} -k being_summed",
    ),
    Mutant(
        "belated-movements-are-read-when-they-are-summed", "kpi/movements/reading.py",
        "if summed.has_unsummed:", "if False:", f"{BELATED} -k at_once",
    ),
    Mutant(
        "the-first-day-forgets-those-before-it", "kpi/movements/summing.py",
        "if last_summed() is None and not take_turn(turns.BELATED)", "if False", f"{BELATED} -k first_day",
    ),
    Mutant(
        "a-round-does-not-wait-for-who-still-notes", "kpi/movements/belated.py",
        "or not take_turn(turns.BELATED)", "", f"{BELATED} -k round_waits",
    ),
    Mutant(
        "belated-movements-count-twice-when-they-are-summed", "kpi/movements/belated.py",
        "WHERE round_no > %s AND of_table", "WHERE round_no >= %s - 1 AND of_table", f"{BELATED} -k nothing_twice",
    ),
    Mutant(
        "rows-fetched-that-the-index-has", "kpi/migrations/0004_movements_of_a_supplier_in_an_index.py",
        '"was_reopened", "cost",', '"was_reopened",', f"{SUMMING} -k index_alone",
    ),
    Mutant(
        "late-corrections-change-the-past", "kpi/movements/reading.py",
        '"AND of_day >= %s AND of_day <= %s AND day <= %s"',
        '"AND of_day >= %s AND of_day <= %s AND (day <= %s OR 1 = 1)"',
        REPLAY,
    ),
    Mutant(
        "what-became-known-later-counts-on-that-day", "kpi/movements/summing.py",
        "AND f.of_day <> %s FROM", "AND f.of_day > %s FROM", REPLAY,
    ),
    Mutant(
        "suppliers-are-low-before-they-are-assessed", "kpi/movements/states.py",
        "\"CASE WHEN s.risk_assessed_at IS NULL THEN '' ELSE s.risk_level END\"", '"s.risk_level"',
        f"{SHOWN} -k nobody_has_assessed",
    ),
    Mutant(
        "overridden-levels-count-as-computed", "kpi/movements/reading.py",
        "override if until >= day else computed", "computed", f"{SHOWN} -k overridden_one",
    ),
    Mutant(
        "overrides-count-after-their-last-day", "kpi/movements/reading.py",
        "override if until >= day else computed", "override", f"{SHOWN} -k nobody_takes_it_off",
    ),
    Mutant(
        "first-score-is-a-rise", "kpi/movements/suppliers.py",
        " AND SUM(CASE WHEN m.level = '' THEN m.n ELSE 0 END) = 0", "", f"{SHOWN} -k first_score",
    ),
    Mutant(
        "ppm-of-a-few-pieces", "kpi/formulas.py",
        "if received >= LEAST_RECEIVED else None", "if received else None", "kpi/tests/test_formulas.py -k ppm",
    ),
    Mutant(
        "nothing-is-nought", "kpi/formulas.py",
        "return _rounded(part, whole, 4) if whole > 0 else None",
        "return _rounded(part, whole, 4) if whole > 0 else 0.0",
        f"{TRUTH} -k null",
    ),
)  # fmt: skip
