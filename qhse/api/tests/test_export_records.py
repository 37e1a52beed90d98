"""`manage.py export_records`: lists as files, without the server."""

from __future__ import annotations

import errno
import hashlib
import io
from itertools import count
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.models import AuditEntry
from qhse.api.listed import lists_there_are
from qhse.api.openapi.routes import api_routes
from qhse.exporting import exports
from qhse.exporting.tests.sheets import values_of

pytestmark = pytest.mark.django_db


def export(*arguments: str, output: Path) -> str:
    said = io.StringIO()
    call_command("export_records", *arguments, "--output", str(output), stdout=said)
    return said.getvalue()


def fails_at(call, function):
    """Let this call of a function fail, as a write to a full disk between two pieces does."""
    calls = count(1)

    def counted(*arguments):
        if next(calls) == call:
            raise OSError(errno.ENOSPC, "No space left on device", "x.csv")
        return function(*arguments)

    return counted


def interrupted(*arguments, **options):
    raise KeyboardInterrupt


def test_writes_what_the_api_would_and_the_trail_knows_the_file(make_nc, api, tmp_path):
    make_nc(severity="high"), make_nc(severity="low")
    file = tmp_path / "cases.csv"

    said = export("ncs", "--filter", "severity=high", output=file)

    assert file.read_bytes() == b"".join(api("auditor").get("/ncs?severity=high", HTTP_ACCEPT="text/csv"))
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert said == f"1 rows in {file}; SHA-256 {digest}\n"
    entry = AuditEntry.objects.filter(action="LIST_EXPORTED").earliest("id")
    assert (entry.actor, entry.source, entry.entity_id) == ("system", "command", "ncs")
    assert entry.changes["sha256"] == [None, digest]
    assert [each.name for each in tmp_path.iterdir()] == ["cases.csv"]


def test_knows_every_list_and_each_form(make_nc, tmp_path):
    nc = make_nc()
    assert lists_there_are() == sorted(route.path[1:] for route in api_routes() if route.action == "list")

    export("ncs", "--format", "xlsx", output=tmp_path / "a.xlsx")
    export("/suppliers", "--format", "excel-csv", output=tmp_path / "b.csv")
    export(f"ncs/{nc.pk}/timeline", output=tmp_path / "c.csv")
    export("attachments", "--filter", "entity_type=nonconformity", "--filter", "entity_id=1", output=tmp_path / "d.csv")

    assert len(values_of((tmp_path / "a.xlsx").read_bytes())) == 2
    assert (tmp_path / "b.csv").read_bytes().startswith(b"\xef\xbb\xbfid;name;")
    assert "NC_CREATED" in (tmp_path / "c.csv").read_text()
    assert len((tmp_path / "d.csv").read_text().splitlines()) == 1


@pytest.mark.parametrize(("arguments", "words"), [
    (["nocs"], "no list of the API"), (["ncs/1"], "no list of the API"), (["auth/login"], "no list of the API"),
    (["ncs", "--filter", "status=X"], "Must be one of OPEN, CLOSED"), (["ncs", "--filter", "page=2"], "Unknown"),
    (["ncs", "--filter", "limit=5"], "whole list"),
    (["ncs", "--filter", "status=OPEN", "--filter", "status=OPEN"], "once"),
    (["ncs/9/timeline"], "^There is no nonconformity 9"), (["attachments"], "Is needed"),
    (["ncs", "--filter", "status"], "NAME=VALUE"),
])  # fmt: skip
def test_refuses_with_2_what_was_asked_for_wrongly(arguments, words, tmp_path):
    with pytest.raises(CommandError, match=words) as refusal:
        export(*arguments, output=tmp_path / "x.csv")

    assert refusal.value.returncode == 2 or "NAME=VALUE" in str(refusal.value)
    assert list(tmp_path.iterdir()) == []
    assert not AuditEntry.objects.filter(entity_type="list").exists()


def test_writes_over_no_file(make_nc, tmp_path):
    (tmp_path / "x.csv").write_text("mine")

    with pytest.raises(CommandError, match="exists already") as refusal:
        export("ncs", output=tmp_path / "x.csv")

    assert refusal.value.returncode == 2
    assert (tmp_path / "x.csv").read_text() == "mine"


def without_modes_and_links(monkeypatch):
    """Let the disk be one of those that know neither, such as a memory stick."""

    def refused(*arguments, **options):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", refused)
    monkeypatch.setattr("os.link", refused)


def test_writes_to_a_memory_stick(make_nc, tmp_path, monkeypatch):
    make_nc()
    without_modes_and_links(monkeypatch)

    export("ncs", output=tmp_path / "x.csv")

    assert (tmp_path / "x.csv").read_text().count("\n") == 2
    assert [each.name for each in tmp_path.iterdir()] == ["x.csv"]


def test_writes_over_no_file_of_a_memory_stick_that_has_come_meanwhile(make_nc, tmp_path, monkeypatch):
    make_nc()
    without_modes_and_links(monkeypatch)
    monkeypatch.setattr(Path, "exists", lambda path: False)
    (tmp_path / "x.csv").write_text("mine")

    with pytest.raises(CommandError, match="exists"):
        export("ncs", output=tmp_path / "x.csv")

    assert (tmp_path / "x.csv").read_text() == "mine"
    assert [each.name for each in tmp_path.iterdir()] == ["x.csv"]


def test_ends_with_1_when_it_cannot_be_written_and_the_trail_says_that_it_is_not_whole(make_nc, tmp_path, monkeypatch):
    monkeypatch.setattr(exports, "PIECE", 1)
    monkeypatch.setattr(exports.ExportStream, "__next__", fails_at(2, exports.ExportStream.__next__))
    make_nc(), make_nc()

    with pytest.raises(CommandError, match="--output") as refusal:
        export("ncs", output=tmp_path / "x.csv")

    assert refusal.value.returncode == 1
    assert AuditEntry.objects.get(action="LIST_EXPORTED").changes["complete"] == [None, False]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("piece", [1, 500])
def test_nothing_is_in_the_trail_of_an_export_that_has_nowhere_to_go(make_nc, tmp_path, monkeypatch, piece):
    monkeypatch.setattr(exports, "PIECE", piece)
    make_nc(), make_nc()

    with pytest.raises(CommandError, match="--output") as refusal:
        export("ncs", output=tmp_path / "missing" / "x.csv")

    assert refusal.value.returncode == 1
    assert not AuditEntry.objects.filter(entity_type="list").exists()


def test_the_trail_says_that_a_sheet_is_not_whole_when_its_making_was_interrupted(make_nc, tmp_path, monkeypatch):
    monkeypatch.setattr(exports, "PIECE", 1)
    monkeypatch.setattr(exports, "write_xlsx", interrupted)
    make_nc(), make_nc()

    with pytest.raises(KeyboardInterrupt):
        export("ncs", "--format", "xlsx", output=tmp_path / "x.xlsx")

    assert AuditEntry.objects.filter(action="LIST_EXPORT_BEGUN").count() == 1
    assert AuditEntry.objects.get(action="LIST_EXPORTED").changes["complete"] == [None, False]
    assert list(tmp_path.iterdir()) == []


def test_ends_with_1_when_a_sheet_cannot_hold_it(make_nc, tmp_path, monkeypatch):
    monkeypatch.setattr(exports, "MOST_ROWS", 1)
    make_nc(), make_nc()

    with pytest.raises(CommandError, match="more than 1 rows") as refusal:
        export("ncs", "--format", "xlsx", output=tmp_path / "x.xlsx")

    assert refusal.value.returncode == 1


def test_asks_the_clock_once_and_not_for_each_row(make_nc, tmp_path):
    for _ in range(5):
        make_nc()

    with CaptureQueriesContext(connection) as asked:
        export("ncs", output=tmp_path / "x.csv")
        few = len(asked)
    for _ in range(20):
        make_nc()
    with CaptureQueriesContext(connection) as asked:
        export("ncs", output=tmp_path / "y.csv")

    assert len(asked) == few
