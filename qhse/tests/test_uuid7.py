"""Time-ordered identifiers."""

from __future__ import annotations

import time
import uuid

from qhse.uuid7 import uuid7


def test_they_have_the_version_and_variant_of_rfc_9562():
    made = [uuid7() for _ in range(100)]

    assert {(each.version, each.variant) for each in made} == {(7, uuid.RFC_4122)}


def test_they_begin_with_the_milliseconds(monkeypatch):
    monkeypatch.setattr(time, "time_ns", lambda: 0x0190_F3D4_7A6B * 1_000_000 + 999_999)

    assert uuid7().int >> 80 == 0x0190_F3D4_7A6B


def test_none_comes_twice_within_a_millisecond(monkeypatch):
    monkeypatch.setattr(time, "time_ns", lambda: 1_800_000_000_000_000_000)

    assert len({uuid7() for _ in range(10_000)}) == 10_000


def test_later_ones_sort_behind_earlier_ones(monkeypatch):
    moments = iter(range(1_800_000_000_000_000_000, 1_800_000_000_100_000_000, 1_000_000))
    monkeypatch.setattr(time, "time_ns", lambda: next(moments))

    made = [uuid7() for _ in range(100)]

    assert made == sorted(made)
