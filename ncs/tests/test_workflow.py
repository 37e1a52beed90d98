"""A non-conformity moves from open to closed, and nowhere from there."""

from __future__ import annotations

import pytest

from ncs.choices import NcStatus
from ncs.workflow import MOVES, may_move


class TestMayMove:
    def test_lets_an_open_one_be_closed(self):
        assert may_move("OPEN", "CLOSED")

    def test_lets_a_closed_one_stay_closed_for_ever(self):
        assert not any(may_move("CLOSED", target) for target in NcStatus)

    @pytest.mark.parametrize("status", NcStatus)
    def test_takes_staying_for_no_move(self, status):
        assert not may_move(status, status)

    @pytest.mark.parametrize(
        ("present", "target"), [("DONE", "CLOSED"), ("OPEN", "DONE"), ("", "CLOSED"), ("open", "CLOSED")]
    )
    def test_lets_nothing_move_from_or_to_a_status_that_it_does_not_know(self, present, target):
        assert not may_move(present, target)

    def test_knows_the_moves_of_every_status(self):
        assert set(MOVES) == set(NcStatus)
