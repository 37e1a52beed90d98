from __future__ import annotations

import os
import signal
import time

import pytest

from dev.waiting import Stalled
from lab.chaos.instruments.children import CRASHED, fork, spawn


@pytest.fixture
def log(tmp_path):
    return tmp_path / "child.log"


class TestFork:
    def test_ends_with_0_when_the_action_returns(self, log):
        assert fork("child", lambda: None, log=log).wait(20) == 0

    def test_ends_with_the_code_that_the_action_exits_with(self, log):
        assert fork("child", lambda: os._exit(7), log=log).wait(20) == 7

    def test_an_action_that_raises_leaves_a_traceback_in_the_log(self, log, capsys):
        with capsys.disabled():  # the child writes to its standard error, which must not be pytest's
            child = fork("child", lambda: 1 // 0, log=log)
            assert child.wait(20) == CRASHED

        assert "ZeroDivisionError" in child.last_words()


class TestChild:
    def test_one_that_runs_on_is_not_waited_for_without_end(self, log):
        child = fork("sleeper", lambda: time.sleep(60), log=log)

        with pytest.raises(Stalled, match="sleeper to end"):
            child.wait(0.01)
        child.kill()
        assert child.code == -signal.SIGKILL

    def test_is_killed_right_after_it_was_forked(self, log):
        for _ in range(5):
            child = fork("child", lambda: time.sleep(60), log=log)
            child.kill()

            assert child.code == -signal.SIGKILL

    def test_a_frozen_one_is_killed_as_well(self, log):
        child = fork("child", lambda: os.kill(os.getpid(), signal.SIGSTOP), log=log)
        child.wait_until_frozen(20)

        assert child.poll() is None
        child.kill()
        assert child.code == -signal.SIGKILL

    def test_one_that_ends_instead_of_freezing_is_told_apart(self, log):
        child = fork("child", lambda: os._exit(3), log=log)

        with pytest.raises(Stalled, match=r"ended \(3\) instead of freezing"):
            child.wait_until_frozen(20)

    def test_nothing_is_sent_to_one_that_has_ended(self, log):
        child = spawn("child", ["-c", "raise SystemExit(4)"], env={}, log=log)
        assert child.wait(20) == 4

        child.send(signal.SIGTERM)
        child.kill()
        assert child.code == 4
