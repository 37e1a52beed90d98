"""The file in which a process counts, on a disk that is full, and has room again."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from qhse.observability.counts_file import FIRST_BYTES, CountsFile, read, write


@pytest.fixture
def disk(monkeypatch):
    """A disk that can be full."""
    written = os.pwrite
    state = {"full": False}

    def pwrite(descriptor: int, content: bytes, place: int) -> int:
        if state["full"]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return written(descriptor, content, place)

    monkeypatch.setattr(os, "pwrite", pwrite)
    return state


@pytest.fixture
def counts(tmp_path: Path):
    file = CountsFile(str(tmp_path / "counter_1.db"))
    yield file
    file.close()


def key(number: int) -> str:
    return json.dumps(["gauges", "gauges_total", {"name": f"Ω{number:0200}"}, "Gauges looked at"])


MANY = 1000
"""So many keys do not fit into the first blocks."""


class TestCountsFile:
    def test_what_is_written_is_read_by_others(self, counts, tmp_path: Path):
        for number in range(MANY):
            counts.write_value(key(number), number, 0.0)

        assert dict(read(tmp_path / "counter_1.db")) == {key(number): number for number in range(MANY)}
        assert counts.read_value(key(7)) == (7.0, 0.0)

    def test_every_block_of_the_file_is_there_before_it_is_mapped(self, counts, tmp_path: Path):
        for number in range(MANY):
            counts.write_value(key(number), number, 0.0)

        stat = (tmp_path / "counter_1.db").stat()
        assert stat.st_size > FIRST_BYTES
        assert stat.st_blocks * 512 >= stat.st_size

    def test_on_a_disk_full_from_the_start_it_counts_in_memory_until_there_is_room(self, counts, tmp_path: Path, disk):
        disk["full"] = True
        counts.write_value(key(1), 5.0, 0.0)

        assert counts.read_value(key(1)) == (5.0, 0.0)
        assert not list(tmp_path.iterdir())

        disk["full"] = False
        counts.write_value(key(1), 6.0, 0.0)
        assert dict(read(tmp_path / "counter_1.db")) == {key(1): 6.0}

    def test_on_a_disk_that_fills_up_the_series_that_are_there_go_on(self, counts, tmp_path: Path, disk, caplog):
        counts.write_value(key(0), 1.0, 0.0)
        disk["full"] = True

        for number in range(MANY):
            counts.write_value(key(number), 2.0, 0.0)

        stored = dict(read(tmp_path / "counter_1.db"))
        assert stored[key(0)] == 2.0 and key(MANY - 1) not in stored
        assert counts.read_value(key(MANY - 1)) == (2.0, 0.0)
        assert [record.getMessage() for record in caplog.records] == [
            "what is counted is missing in /metrics: [Errno 28] No space left on device"
        ]

        disk["full"] = False
        counts.write_value(key(MANY - 1), 3.0, 0.0)
        assert dict(read(tmp_path / "counter_1.db"))[key(MANY - 1)] == 3.0


class TestWrite:
    def test_a_file_of_any_size_holds_what_was_given(self, tmp_path: Path):
        counts = {key(number): float(number) for number in range(MANY)}

        write(tmp_path / "counter_kept.db", counts)

        assert dict(read(tmp_path / "counter_kept.db")) == counts

    def test_without_room_no_file_is_left(self, tmp_path: Path, disk):
        disk["full"] = True

        with pytest.raises(OSError, match="No space left"):
            write(tmp_path / "counter_kept.db", {key(1): 1.0})

        assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [b"", b"\xff", b"\x00" * FIRST_BYTES, b"\xff\xff\x00\x00" * 100])
def test_a_damaged_file_holds_nothing(tmp_path: Path, content: bytes):
    (tmp_path / "counter_1.db").write_bytes(content)

    assert list(read(tmp_path / "counter_1.db")) == []
