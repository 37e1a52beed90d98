"""Which moves cases and actions may make, how far a case is, what its closing lacks."""

from __future__ import annotations

from itertools import product
from types import SimpleNamespace

import pytest

from ncs.choices import ActionKind, ActionStatus, NcStatus, Phase
from ncs.models import NonConformity
from ncs.workflow import ACTION_MOVES, MOVES, action_may_move, may_move, phase_of


class TestMayMove:
    def test_lets_an_open_one_be_closed(self):
        assert may_move("OPEN", "CLOSED")

    def test_lets_a_closed_one_be_opened_again(self):
        assert may_move("CLOSED", "OPEN")

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


def case(**values):
    beginning = {"severity": "high", "status": "OPEN", "due_on": None, "containment": "", "root_cause": ""}
    counts = {"disposition": "", "actions_open": 0, "actions_to_verify": 0, "actions_effective": 0}
    return SimpleNamespace(**beginning | counts | {"corrective_effective": 0} | values)


class TestPhaseOf:
    @pytest.mark.parametrize(
        ("values", "phase"),
        [
            ({}, Phase.REPORTED),
            ({"containment": "Blocked"}, Phase.CONTAINED),
            ({"root_cause": "No plan"}, Phase.ANALYSED),
            ({"containment": "Blocked", "root_cause": "No plan"}, Phase.ANALYSED),
            ({"root_cause": "No plan", "actions_effective": 1}, Phase.READY),
            ({"actions_effective": 1, "actions_to_verify": 1}, Phase.VERIFICATION),
            ({"actions_effective": 1, "actions_to_verify": 1, "actions_open": 1}, Phase.ACTIONS),
            ({"status": "CLOSED", "actions_effective": 1}, None),
        ],
    )
    def test_is_the_furthest_that_is_true(self, values, phase):
        assert phase_of(case(**values)) == phase

    @pytest.mark.django_db
    def test_is_the_same_in_sql(self, make_nc):
        nc = make_nc()
        options = [("", "x")] * 2 + [(0, 1)] * 3
        names = ("containment", "root_cause", "actions_open", "actions_to_verify", "actions_effective")

        for chosen in product(*options):
            NonConformity.objects.update(**dict(zip(names, chosen, strict=True)))
            nc.refresh_from_db()
            found = [phase for phase in Phase if NonConformity.objects.in_phase(phase).exists()]
            assert found == [nc.phase], chosen


class TestActionMayMove:
    def test_knows_the_moves_of_every_status(self):
        assert set(ACTION_MOVES) == set(ActionStatus)

    @pytest.mark.parametrize("status", [ActionStatus.EFFECTIVE, ActionStatus.INEFFECTIVE, ActionStatus.CANCELLED])
    def test_lets_a_settled_one_move_nowhere(self, status):
        assert not any(action_may_move("corrective", status, target) for target in ActionStatus)

    @pytest.mark.parametrize("kind", ActionKind)
    def test_lets_containment_alone_be_done_before_it_began(self, kind):
        assert action_may_move(kind, "OPEN", "DONE") is (kind == ActionKind.CONTAINMENT)
