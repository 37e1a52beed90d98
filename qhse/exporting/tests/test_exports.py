"""A list leaves in pieces, each export stands in the trail, and few run at once."""

from __future__ import annotations

import hashlib
from contextlib import suppress

import pytest
from django.db import OperationalError, connection, connections
from django.test import RequestFactory

from audit.models import AuditEntry
from qhse.accounts.models import User
from qhse.accounts.services.users import create_user
from qhse.clock import present
from qhse.exporting import exports, turns
from qhse.exporting.cells import Column
from qhse.exporting.errors import ListIsTooLong, TooManyExports
from qhse.exporting.exports import Export, Form, as_answer, export_by_system, export_for, in_order
from qhse.exporting.recording import BEGUN, EXPORTED
from qhse.exporting.tests.sheets import values_of
from qhse.observability import context
from qhse.tests.waiting import at_once


@pytest.fixture
def small_pieces(monkeypatch):
    monkeypatch.setattr(exports, "PIECE", 2)


@pytest.fixture
def people(users):
    """Seven users, more than three pieces."""
    return [
        *users.values(),
        *(create_user(username=f"more-{n}", password=None, role="quality", actor=None) for n in "abc"),
    ]


def names(**more) -> Export:
    values = {
        "name": "users",
        "title": "users",
        "columns": [Column("id"), Column("username")],
        "chosen": User.objects.order_by("-username"),
        "rows_of": lambda keys, using: [[user.pk, user.username] for user in in_order(keys, User.objects.all())],
        "filter": {"role": "quality"},
    }
    return Export(**values | more)


def entries() -> list[tuple[str, dict]]:
    found = AuditEntry.objects.filter(action__in=(BEGUN, EXPORTED)).order_by("id")
    return [(entry.action, {name: new for name, (_, new) in entry.changes.items()}) for entry in found]


@pytest.mark.django_db
class TestWhatLeaves:
    def test_is_the_list_in_its_order_whatever_the_size_of_a_piece(self, users, people, monkeypatch):
        whole = b"".join(export_for(users["admin"], names(), Form.CSV))
        monkeypatch.setattr(exports, "PIECE", 2)
        pieces = list(export_for(users["admin"], names(), Form.CSV))

        in_order_of_names = sorted((user.username for user in people), reverse=True)
        assert [line.partition(",")[2] for line in whole.decode().splitlines()[1:]] == in_order_of_names
        assert (len(pieces), b"".join(pieces)) == (4, whole)

    @pytest.mark.usefixtures("small_pieces", "people")
    def test_meets_no_row_twice_and_misses_none_while_rows_change(self, users):
        stream = export_for(users["admin"], names(), Form.CSV)
        first = next(stream)
        User.objects.filter(username="more-a").update(username="zz")  # now it would be the first
        create_user(username="yy", password=None, role="quality", actor=None)

        rows = (first + b"".join(stream)).decode().splitlines()[1:]

        ids = [int(row.split(",")[0]) for row in rows]
        assert len(set(ids)) == len(ids) == 7
        assert "yy" not in "".join(rows)

    @pytest.mark.usefixtures("small_pieces", "people")
    def test_is_the_same_in_a_spreadsheet(self, users):
        rows = values_of(b"".join(export_for(users["admin"], names(), Form.XLSX)))

        csv = b"".join(export_for(users["admin"], names(), Form.CSV)).decode()
        assert rows == [line.split(",") for line in csv.splitlines()]

    @pytest.mark.usefixtures("small_pieces", "people")
    def test_is_all_of_one_moment_of_the_clock(self, users):
        moments = []
        export = names(rows_of=lambda keys, using: [[moments.append(present()), ""] for _ in keys])

        list(export_by_system(export, Form.CSV))

        assert (len(moments), len(set(moments))) == (7, 1)


@pytest.mark.django_db
class TestTheEntry:
    def test_names_who_what_how_many_and_the_digest_of_the_bytes(self, users, people):
        content = b"".join(export_for(users["auditor"], names(), Form.CSV))

        assert entries() == [(EXPORTED, {
            "filter": {"role": "quality"}, "format": "csv", "rows": 7, "complete": True,
            "sha256": hashlib.sha256(content).hexdigest(),
        })]  # fmt: skip
        entry = AuditEntry.objects.get(action=EXPORTED)
        assert (entry.actor, entry.entity_type, entry.entity_id) == ("auditor", "list", "users")

    @pytest.mark.usefixtures("small_pieces", "people")
    @pytest.mark.parametrize("form", Form)
    def test_stands_before_the_last_bytes_leave(self, users, form, monkeypatch):
        monkeypatch.setattr(exports, "_BLOCK", 1_000)
        stream = export_for(users["auditor"], names(), form)
        assert [action for action, _ in entries()] == [BEGUN]

        content, seen = b"", []
        for chunk in stream:
            content += chunk
            seen.append([action for action, _ in entries()])

        assert seen == [[BEGUN]] * (len(seen) - 1) + [[BEGUN, EXPORTED]]
        assert entries()[1][1]["sha256"] == hashlib.sha256(content).hexdigest()

    @pytest.mark.usefixtures("small_pieces", "people")
    def test_of_one_that_is_broken_off_says_so_and_what_had_left(self, users):
        stream = export_for(users["auditor"], names(), Form.CSV)
        sent = next(stream) + next(stream)

        stream.close()
        stream.close()

        assert [action for action, _ in entries()] == [BEGUN, EXPORTED]
        told = entries()[1][1]
        assert (told["rows"], told["complete"]) == (4, False)
        assert told["sha256"] == hashlib.sha256(sent).hexdigest()
        assert entries()[0][1]["rows"] == 7
        assert list(stream) == []

    @pytest.mark.usefixtures("small_pieces", "people")
    def test_of_one_whose_middle_cannot_be_read_says_so_and_the_reader_notices(self, users):
        def rows_of(keys, using):
            if "more-c" not in {user.username for user in User.objects.filter(pk__in=list(keys))}:
                raise OperationalError("away")
            return [["", ""] for _ in keys]

        with pytest.raises(OperationalError):
            list(export_for(users["auditor"], names(rows_of=rows_of), Form.CSV))
        assert turns._running == set()

    @pytest.mark.usefixtures("small_pieces", "people")
    def test_has_the_request_that_asked_also_when_its_bytes_leave_later(self, users):
        with context.use(request_id="export-7", source="admin"):
            stream = export_for(users["auditor"], names(), Form.CSV)
        list(stream)

        assert {(each.request_id, each.source) for each in AuditEntry.objects.filter(entity_type="list")} == {
            ("export-7", "admin")
        }

    @pytest.mark.usefixtures("small_pieces", "people")
    def test_cannot_be_missing_of_a_whole_file(self, users, monkeypatch):
        stream = export_for(users["auditor"], names(), Form.CSV)

        def fail(*args, **kwargs):
            raise OperationalError("away")

        monkeypatch.setattr(exports, "record_export", fail)
        content = b""
        with pytest.raises(OperationalError):
            for chunk in stream:
                content += chunk

        assert len(content.splitlines()) == 7  # of eight
        assert turns._running == set()

    def test_of_nothing_is_not_made_for_a_head(self, users):
        request = RequestFactory().head("/")
        request.user = users["auditor"]

        answer = as_answer(request, names(), Form.XLSX)

        assert (answer.content, entries()) == (b"", [])
        assert answer["Content-Disposition"].endswith('.xlsx"')

    @pytest.mark.usefixtures("people")
    def test_takes_a_filter_that_the_database_could_not_hold(self, users):
        list(export_for(users["auditor"], names(filter={"q": "a\0b"}), Form.CSV))

        assert entries()[0][1]["filter"] == {"q": "ab"}


@pytest.mark.django_db
@pytest.mark.usefixtures("people")
class TestBounds:
    def test_a_spreadsheet_of_more_rows_than_it_can_have_is_refused_before_anything_is_sent(self, users, monkeypatch):
        monkeypatch.setattr(exports, "MOST_ROWS", 6)

        with pytest.raises(ListIsTooLong, match="more than 6 rows"):
            export_for(users["auditor"], names(), Form.XLSX)
        assert entries() == []
        assert len(b"".join(export_for(users["auditor"], names(), Form.CSV)).splitlines()) == 8

    def test_a_server_sends_no_list_whose_keys_it_could_not_hold_and_a_command_does(self, users, monkeypatch):
        monkeypatch.setattr(exports, "MOST_KEYS", 6)

        with pytest.raises(ListIsTooLong, match="Narrow it"):
            export_for(users["auditor"], names(), Form.CSV)
        assert len(list(export_by_system(names(), Form.CSV))) == 1

    def test_refuses_a_second_one_of_the_same_person_and_others_beyond_the_bound(self, users, small_pieces, settings):
        settings.EXPORTS_AT_ONCE = 2
        first = export_for(users["auditor"], names(), Form.CSV)
        with pytest.raises(TooManyExports, match="of yours"):
            export_for(users["auditor"], names(), Form.CSV)
        second = export_for(users["admin"], names(), Form.CSV)
        with pytest.raises(TooManyExports, match="Other exports"):
            export_for(users["quality"], names(), Form.CSV)

        list(first)
        second.close()

        assert len(list(export_for(users["auditor"], names(), Form.CSV))) == 4

    def test_one_that_is_refused_or_fails_leaves_no_turn_behind(self, users, monkeypatch):
        def fail(keys, using):
            raise OperationalError("away")

        monkeypatch.setattr(exports, "MOST_ROWS", 6)
        for export, form in ((names(), Form.XLSX), (names(rows_of=fail), Form.CSV), (names(rows_of=fail), Form.XLSX)):
            with suppress(ListIsTooLong, OperationalError):
                export_for(users["auditor"], export, form)

        assert turns._running == set()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
class TestOnPostgreSQL:
    def test_no_transaction_stays_open_while_a_reader_takes_their_time(self, users, people, small_pieces):
        stream = export_for(users["auditor"], names(), Form.CSV)
        next(stream)

        assert not connection.in_atomic_block
        assert connection.connection.info.transaction_status.name == "IDLE"
        stream.close()

    def test_one_person_has_one_export_in_all_processes(self, users, people, small_pieces):
        def try_it(n: int) -> str:
            turns._running.clear()  # as another process would see it
            try:
                list(export_for(users["auditor"], names(), Form.CSV))
            except TooManyExports:
                return "refused"
            finally:
                connections.close_all()
            return "made"

        stream = export_for(users["auditor"], names(), Form.CSV)
        assert at_once(1, try_it) == ["refused"]
        list(stream)
        assert at_once(1, try_it) == ["made"]
