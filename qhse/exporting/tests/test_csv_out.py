"""CSV for programs by RFC 4180, and CSV that Excel opens right in Germany, Italy and France."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

from qhse.exporting.cells import Column, Kind
from qhse.exporting.csv_out import EXCEL, PROGRAMS, csv_chunks

COLUMNS = [Column(name) for name in ("name", "number", "amount", "yes", "day", "moment", "things")]
ROWS = [
    ["Müller; \"Söhne\", GmbH\nWerk 2", -5, Decimal("-1234.50"), True, date(2026, 11, 3),
     datetime(2026, 11, 3, 9, 5, 7, 250000, tzinfo=timezone(timedelta(hours=1))), ["a", "b"]],
    [None, None, 0.5, False, None, None, {}],
]  # fmt: skip


def written(dialect, columns=COLUMNS, pieces=(ROWS,)) -> bytes:
    return b"".join(chunk.content for chunk in csv_chunks(columns, pieces, dialect))


def test_programs_read_back_every_text():
    text = written(PROGRAMS).decode()

    assert list(csv.reader(io.StringIO(text, newline=""))) == [
        [column.name for column in COLUMNS],
        ["Müller; \"Söhne\", GmbH\nWerk 2", "-5", "-1234.50", "true", "2026-11-03", "2026-11-03T08:05:07.250000Z",
         '["a", "b"]'],
        ["", "", "0.5", "false", "", "", "{}"],
    ]  # fmt: skip
    assert text.count("\r\n") == 3


def test_excel_gets_a_mark_semicolons_decimal_commas_and_words():
    content = written(EXCEL)

    assert content.startswith(b"\xef\xbb\xbfname;number;")
    assert list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=";"))[1:] == [
        ["Müller; \"Söhne\", GmbH\nWerk 2", "-5", "-1234,50", "yes", "2026-11-03", "2026-11-03 08:05:07", '["a", "b"]'],
        ["", "", "0,5", "no", "", "", "{}"],
    ]  # fmt: skip


def test_texts_that_would_be_run_are_guarded_and_numbers_are_not():
    columns = [Column("text"), Column("amount", Kind.NUMBER), Column("=heading")]

    for dialect, delimiter in ((PROGRAMS, ","), (EXCEL, ";")):
        text = written(dialect, columns, [[["-5", "-5", {"=x": 1}], ["=1+1", "7", "\ty"]]]).decode().lstrip("\ufeff")
        assert list(csv.reader(io.StringIO(text), delimiter=delimiter)) == [
            ["text", "amount", "'=heading"], ["'-5", "-5", '{"=x": 1}'], ["'=1+1", "7", "'\ty"],
        ]  # fmt: skip


def test_a_chunk_is_a_piece_and_the_first_has_the_heading():
    chunks = list(csv_chunks([Column("n")], iter([[[1], [2]], [[3]]]), PROGRAMS))

    assert [(chunk.content, chunk.rows) for chunk in chunks] == [(b"n\r\n1\r\n2\r\n", 2), (b"3\r\n", 1)]


def test_an_empty_list_is_its_heading():
    assert [tuple(chunk) for chunk in csv_chunks([Column("n")], [], PROGRAMS)] == [(b"n\r\n", 0)]


def test_times_are_in_utc_for_programs_also_without_a_fraction():
    moment = datetime(2026, 11, 3, 9, 5, tzinfo=UTC)

    assert written(PROGRAMS, [Column("at")], [[[moment]]]) == b"at\r\n2026-11-03T09:05:00Z\r\n"
