from __future__ import annotations

import pytest

from lab.chaos.instruments.outcome import FAULTS, Outcome, Verdict, table


class TestVerdict:
    @pytest.mark.parametrize("fault", FAULTS)
    def test_is_true_when_anything_is_wrong(self, fault):
        assert Verdict(**{fault: ["something"]})
        assert not Verdict()

    def test_the_same_finding_of_two_looks_is_one(self):
        verdict = Verdict(torn=["NC 1"])
        verdict += Verdict(torn=["NC 1", "NC 2"], lost=["NC 3"])

        assert verdict.counts() == {"lost": 1, "torn": 2, "phantom": 0, "duplicate": 0, "overtaken": 0}


class TestOutcome:
    def test_passes_when_nothing_is_wrong(self):
        outcome = Outcome("kills", {"kills": 2})
        outcome.demand(True, "a promise")

        assert outcome.passed
        assert outcome.lines()[0].startswith("kills          ok")

    def test_fails_for_a_finding_and_shows_it(self):
        outcome = Outcome("kills", verdict=Verdict(lost=["NC 1"]))

        assert not outcome.passed
        assert "lost: NC 1" in "\n".join(outcome.lines())

    def test_fails_for_a_promise_that_no_table_shows(self):
        outcome = Outcome("kills")
        outcome.demand(False, "it took 9 s")

        assert not outcome.passed
        assert "! it took 9 s" in "\n".join(outcome.lines())

    def test_a_row_names_what_was_done_and_counts_each_fault(self):
        outcome = Outcome("kills", {"kills": 1_868, "p50": 0.5}, Verdict(torn=["a", "b"]), seconds=20.4)

        assert outcome.row() == "| `kills` | kills 1,868, p50 0.50s | 0 | 2 | 0 | 0 | 0 | 20 s |"
        assert table([outcome]).splitlines()[2] == outcome.row()
