from __future__ import annotations

import pytest

from lab.chaos.instruments.ledger import Ledger, Told, read


@pytest.fixture
def path(tmp_path):
    return tmp_path / "w1.ledger"


class TestRead:
    @pytest.mark.parametrize("told", list(Told))
    def test_knows_what_the_caller_was_told(self, path, told):
        ledger = Ledger(path)
        ledger.begin("nc", ["w1-1", "w1-2"])
        ledger.end("nc", ["w1-1", "w1-2"], told)

        assert read([path]).told == {("nc", "w1-1"): told, ("nc", "w1-2"): told}

    def test_what_was_begun_and_never_ended_is_unknown(self, path):
        Ledger(path).begin("supplier", ["Nordstahl"])

        assert read([path]).told == {("supplier", "Nordstahl"): Told.UNKNOWN}

    def test_a_repeated_write_is_what_was_told_last(self, path):
        ledger = Ledger(path)
        for told in (Told.UNKNOWN, Told.ACKNOWLEDGED):
            ledger.begin("supplier", ["Nordstahl"])
            ledger.end("supplier", ["Nordstahl"], told)

        account = read([path])
        assert account.count(Told.ACKNOWLEDGED) == 1
        assert account.count(Told.UNKNOWN) == 0

    def test_counts_acknowledged_transactions_and_not_their_writes(self, path):
        ledger = Ledger(path)
        ledger.end("reading", ["g/1", "g/2"], Told.ACKNOWLEDGED)
        ledger.end("reading", ["g/3"], Told.REFUSED)

        account = read([path])
        assert account.transactions == len(account.acknowledged_at) == 1

    def test_wherever_a_writer_is_killed_in_a_line_no_other_write_is_touched(self, path):
        ledger = Ledger(path)
        ledger.begin("nc", ["w1-1"])
        ledger.end("nc", ["w1-1"], Told.REFUSED)
        whole = path.read_bytes()
        ledger.begin("nc", ["w1-12"])
        ledger.end("nc", ["w1-12"], Told.ACKNOWLEDGED)
        everything = path.read_bytes()

        for length in range(len(whole), len(everything)):
            path.write_bytes(everything[:length])
            account = read([path])
            assert account.told["nc", "w1-1"] == Told.REFUSED
            assert set(account.told) <= {("nc", "w1-1"), ("nc", "w1-12")}

    def test_of_several_writers_the_moments_are_in_order(self, tmp_path):
        paths = [tmp_path / "a", tmp_path / "b"]
        paths[0].write_text("@ 3.0 acknowledged\n@ 5.0 acknowledged\n")
        paths[1].write_text("@ 1.0 acknowledged\n@ 4.0 unknown\n")

        assert read(paths).acknowledged_at == [1.0, 3.0, 5.0]
