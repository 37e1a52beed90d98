from __future__ import annotations

import pytest

from lab.percentile import percentile


class TestPercentile:
    @pytest.mark.parametrize(("percent", "value"), [(50.0, 50), (95.0, 95), (99.0, 99), (99.9, 100)])
    def test_is_the_nearest_rank(self, percent, value):
        assert percentile(list(range(100, 0, -1)), percent) == value

    def test_of_one_value_is_that_value(self):
        assert percentile([7.0], 50.0) == 7.0

    def test_of_nothing_is_0(self):
        assert percentile([], 95.0) == 0.0
