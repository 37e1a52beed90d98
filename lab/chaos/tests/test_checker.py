"""Its SQL is tested by the scenario `checker-test`, on real tables."""

from __future__ import annotations

from collections import Counter

import pytest

from lab.chaos.checker import compare
from lab.chaos.instruments.ledger import Account, Told


def account_of(**told: Told) -> Account:
    account = Account()
    for token, outcome in told.items():
        account.note("nc", token, outcome)
    return account


class TestCompare:
    @pytest.mark.parametrize(
        ("told", "times", "fault"),
        [
            (Told.ACKNOWLEDGED, 1, None),
            (Told.ACKNOWLEDGED, 0, "lost"),
            (Told.ACKNOWLEDGED, 2, "duplicate"),
            (Told.REFUSED, 0, None),
            (Told.REFUSED, 1, "phantom"),
            (Told.UNKNOWN, 0, None),
            (Told.UNKNOWN, 1, None),
            (Told.UNKNOWN, 2, "duplicate"),
        ],
    )
    def test_judges_each_outcome_by_what_is_stored(self, told, times, fault):
        counts = compare(account_of(lot=told), {"nc": Counter({"lot": times})}).counts()

        assert counts == dict.fromkeys(counts, 0) | ({fault: 1} if fault else {})

    def test_what_nobody_wrote_is_a_phantom(self):
        verdict = compare(account_of(lot=Told.UNKNOWN), {"nc": Counter(["stranger"])})

        assert verdict.phantom == ["nc 'stranger' is present, and nobody wrote it"]

    def test_a_kind_of_which_no_caller_spoke_is_the_scenarios_own(self):
        assert not compare(account_of(lot=Told.REFUSED), {"nc": Counter(), "supplier": Counter(["Nordstahl"])})

    def test_an_empty_token_is_nobodys(self):
        assert not compare(account_of(lot=Told.UNKNOWN), {"nc": Counter({"": 7})})

    def test_the_same_token_of_another_kind_is_another_write(self):
        assert compare(account_of(lot=Told.ACKNOWLEDGED), {"nc": Counter(), "close": Counter(["lot"])}).lost
