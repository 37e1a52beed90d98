from __future__ import annotations

import time
from typing import Any, cast

from lab.chaos.instruments.laboratory import Laboratory


class TestCrashes:
    def test_a_child_that_raised_is_told_of_with_its_last_words(self, tmp_path, capsys):
        lab = Laboratory(cast("Any", None), tmp_path)
        with capsys.disabled():  # the child writes to its standard error, which must not be pytest's
            lab.fork("relay", lambda: 1 // 0).wait(20)

        lab.kill_all()

        (crash,) = lab.crashes
        assert crash.startswith("relay crashed") and "ZeroDivisionError" in crash

    def test_one_that_was_killed_or_has_ended_is_none(self, tmp_path):
        lab = Laboratory(cast("Any", None), tmp_path)
        lab.fork("ended", lambda: None).wait(20)
        lab.fork("killed", lambda: time.sleep(60))

        lab.kill_all()

        assert lab.crashes == []
