from __future__ import annotations

from outbox.webhooks import retry


class TestWaitAfter:
    def test_grows_with_each_attempt_and_ends(self):
        waits = [retry.wait_after(attempts, 0.5) for attempts in range(1, retry.MOST_ATTEMPTS)]

        assert waits == sorted(waits)
        assert waits[0] < 6
        assert retry.wait_after(retry.MOST_ATTEMPTS, 0.5) is None
        assert retry.wait_after(retry.MOST_ATTEMPTS + 1, 0.5) is None

    def test_ends_within_a_day_whatever_the_chance(self):
        shortest, longest = (
            sum(retry.wait_after(attempts, chance) for attempts in range(1, retry.MOST_ATTEMPTS)) for chance in (0, 1)
        )

        assert 16 * 3600 < shortest < longest < 24 * 3600

    def test_is_another_one_by_chance(self):
        assert retry.wait_after(5, 0.1) < retry.wait_after(5, 0.9)


class TestHoldAfter:
    def test_holds_nothing_after_a_few_failures(self):
        assert [retry.hold_after(failures, 1) for failures in range(retry.TRIPS_AT)] == [0.0] * retry.TRIPS_AT

    def test_grows_to_a_quarter_of_an_hour(self):
        holds = [retry.hold_after(failures, 0.5) for failures in range(retry.TRIPS_AT, 200)]

        assert holds == sorted(holds)
        assert holds[0] < 31
        assert holds[-1] <= retry.LONGEST_HOLD


class TestHeeded:
    def test_takes_the_seconds_of_who_has_too_much_to_do(self):
        assert [retry.heeded(code, "120") for code in (429, 503)] == [120, 120]

    def test_hears_nobody_else_and_nothing_else(self):
        assert {retry.heeded(code, "120") for code in (None, 200, 500, 301)} == {0.0}
        assert {
            retry.heeded(503, text) for text in ("", "-1", "1.5", "soon", "٣", "Fri, 27 Nov 2026 08:00:00 GMT")
        } == {0}

    def test_is_bounded(self):
        assert retry.heeded(429, "9" * 400) == retry.MOST_HEEDED
