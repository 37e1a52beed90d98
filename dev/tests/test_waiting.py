from __future__ import annotations

from types import SimpleNamespace

import pytest

from dev.waiting import Stalled, wait_until


class TestWaitUntil:
    def test_returns_the_first_true_answer(self):
        answers = iter([None, 0, [], "seven", "eight"])

        assert wait_until(lambda: next(answers), every=0) == "seven"

    def test_asks_at_once(self):
        assert wait_until(lambda: "now", seconds=0, every=3600) == "now"

    def test_says_in_vain_for_what(self):
        with pytest.raises(Stalled, match="waited 0 s in vain for rain"):
            wait_until(lambda: False, seconds=0, what="rain", every=0)

    def test_on_a_machine_that_stood_still_it_is_asked_once_more(self, monkeypatch):
        clock = iter([0.0, 0.0, 1000.0])
        monkeypatch.setattr(
            "dev.waiting.time", SimpleNamespace(monotonic=lambda: next(clock), sleep=lambda seconds: None)
        )
        answers = iter([False, True])

        assert wait_until(lambda: next(answers), seconds=20)

    def test_an_error_of_the_question_ends_the_waiting(self):
        with pytest.raises(ZeroDivisionError):
            wait_until(lambda: 1 // 0)
