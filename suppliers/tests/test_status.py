"""The status of a supplier: which moves there are, who decides them, and what they lack. Pure."""

from __future__ import annotations

import pytest

from qhse.accounts.roles import Role
from suppliers.choices import RiskLevel, SupplierStatus
from suppliers.status import (
    MOVES,
    is_after_suspension,
    lacking,
    may_move,
    moves_from,
    proposed,
    proposed_without_proof,
    who_decides,
)

PENDING, APPROVED, CONDITIONAL, SUSPENDED, REJECTED, DISQUALIFIED = SupplierStatus

# By hand from the issue: from → where to.
WAYS = {
    PENDING: {APPROVED, CONDITIONAL, REJECTED, DISQUALIFIED},
    APPROVED: {CONDITIONAL, SUSPENDED, DISQUALIFIED},
    CONDITIONAL: {APPROVED, SUSPENDED, DISQUALIFIED},
    SUSPENDED: {APPROVED, CONDITIONAL, DISQUALIFIED},
    REJECTED: {PENDING, DISQUALIFIED},
    DISQUALIFIED: {PENDING},
}
# By hand as well: who decides what, wherever it comes from.
DECIDED_BY = {
    PENDING: {"procurement", "admin"},
    APPROVED: {"quality", "admin"},
    CONDITIONAL: {"procurement", "quality", "admin"},
    SUSPENDED: {"quality", "admin"},
    REJECTED: {"procurement", "admin"},
    DISQUALIFIED: {"admin"},
}


def test_every_status_has_its_moves_and_nothing_else():
    assert set(MOVES) == set(SupplierStatus)
    for present in SupplierStatus:
        for target in SupplierStatus:
            assert may_move(present, target) == (target in WAYS[present]), (present, target)


def test_staying_is_no_move():
    assert not any(may_move(each, each) for each in SupplierStatus)


def test_from_an_unknown_status_there_is_no_way():
    assert moves_from("blessed") == frozenset()


@pytest.mark.parametrize("present", [PENDING, APPROVED, CONDITIONAL])
def test_each_decision_belongs_to_its_roles(present):
    for target in WAYS[present]:
        assert who_decides(present, target) == DECIDED_BY[target], target


def test_who_may_suspend_ends_the_suspension_and_nobody_else():
    assert who_decides(SUSPENDED, CONDITIONAL) == {"quality", "admin"}
    assert who_decides(SUSPENDED, APPROVED) == {"quality", "admin"}


def test_only_an_administrator_takes_a_disqualification_back():
    assert who_decides(DISQUALIFIED, PENDING) == {"admin"}
    assert who_decides(REJECTED, PENDING) == {"procurement", "admin"}


def test_an_auditor_decides_nothing():
    assert not any(Role.AUDITOR in who_decides(a, b) for a in SupplierStatus for b in WAYS[a])


class TestLacking:
    def test_approving_lacks_each_standard_that_is_not_proven(self):
        assert lacking(PENDING, APPROVED, unproven=["iso_9001", "iatf_16949"], open_high=0) == [
            "a verified IATF 16949 certificate that is in date",
            "a verified ISO 9001 certificate that is in date",
        ]

    def test_approving_after_a_suspension_lacks_the_closing_of_severe_cases_too(self):
        lacks = lacking(SUSPENDED, APPROVED, unproven=["iso_9001"], open_high=2)

        assert lacks[1:] == ["the closing of 2 open non-conformities of severity high"]
        assert lacking(SUSPENDED, APPROVED, unproven=[], open_high=1) == [
            "the closing of 1 open non-conformity of severity high"
        ]

    def test_severe_cases_keep_nobody_else_from_an_approval(self):
        assert lacking(CONDITIONAL, APPROVED, unproven=[], open_high=2) == []

    @pytest.mark.parametrize("present", [CONDITIONAL, PENDING])
    def test_a_way_round_after_a_suspension_lacks_the_same(self, present):
        assert lacking(present, APPROVED, unproven=[], open_high=1, after_suspension=True) == [
            "the closing of 1 open non-conformity of severity high"
        ]

    @pytest.mark.parametrize("target", [PENDING, CONDITIONAL, SUSPENDED, REJECTED, DISQUALIFIED])
    def test_nothing_else_asks_for_anything(self, target):
        assert lacking(SUSPENDED, target, unproven=["iso_9001"], open_high=7) == []


@pytest.mark.parametrize(
    ("moves", "is_after"),
    [
        ([], False),
        ([(APPROVED, SUSPENDED)], True),
        ([(SUSPENDED, CONDITIONAL), (APPROVED, SUSPENDED)], True),
        ([(SUSPENDED, CONDITIONAL)], True),
        ([(DISQUALIFIED, PENDING), (SUSPENDED, DISQUALIFIED), (CONDITIONAL, SUSPENDED)], True),
        ([(PENDING, CONDITIONAL), (DISQUALIFIED, PENDING), (SUSPENDED, DISQUALIFIED)], True),
        ([(APPROVED, CONDITIONAL), (SUSPENDED, APPROVED), (APPROVED, SUSPENDED)], False),
        ([(PENDING, CONDITIONAL)], False),
        ([(None, None)], False),
    ],
)
def test_a_suspension_lasts_until_the_next_approval(moves, is_after):
    assert is_after_suspension(moves) is is_after


class TestProposed:
    @pytest.mark.parametrize("present", SupplierStatus)
    @pytest.mark.parametrize("level", RiskLevel)
    def test_a_critical_risk_proposes_to_suspend_who_delivers(self, present, level):
        delivers = present in (APPROVED, CONDITIONAL)

        assert proposed(present, level) == (SUSPENDED if delivers and level == "critical" else None)

    @pytest.mark.parametrize("present", SupplierStatus)
    def test_a_lack_of_proof_proposes_conditions_to_who_is_approved(self, present):
        is_approved = present == APPROVED

        assert proposed_without_proof(present, is_proven=False) == (CONDITIONAL if is_approved else None)
        assert proposed_without_proof(present, is_proven=True) is None
