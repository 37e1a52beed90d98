"""Tables of strangers: what Excel and LibreOffice write in three countries is read, and what does harm is not."""

from __future__ import annotations

import io
import re
import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qhse.exchange import table_reader, tables
from qhse.exchange.errors import TableIsRefused, TableIsTooLarge
from qhse.exchange.tables import MAX_COLUMNS, read_table
from qhse.exchange.tests.files import Formula, Raw, Serial, from_1904, sheet, with_hidden_first_sheet, xlsx
from qhse.exchange.unread_cells import NOT_COMPUTED
from qhse.exporting.cells import Column, guarded
from qhse.exporting.csv_out import EXCEL, PROGRAMS, csv_chunks
from qhse.exporting.tests.test_cells import HARMLESS, RUN

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def cells(content: bytes, name: str = "a.csv"):
    return [row.cells for row in read_table(io.BytesIO(content), name).rows]


class TestCsv:
    TEXT = "Lieferant;Ort\r\nMüller & Söhne;Köln\r\n"

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
    def test_umlauts_are_read_in_every_encoding_that_excel_writes(self, encoding):
        assert cells(self.TEXT.encode(encoding)) == [["Lieferant", "Ort"], ["Müller & Söhne", "Köln"]]

    @pytest.mark.parametrize("separator", [";", ",", "\t"])
    def test_the_separator_is_found_by_the_names_of_the_columns(self, separator):
        content = separator.join(["a", "b", "c"]) + "\n" + separator.join(["1", '"x, y; z"', "3"])

        assert cells(content.encode()) == [["a", "b", "c"], ["1", "x, y; z", "3"]]

    def test_a_first_line_may_say_the_separator(self):
        assert cells(b"sep=;\r\na,b;c\r\n1;2\r\n") == [["a,b", "c"], ["1", "2"]]

    def test_a_cell_may_have_lines_and_quotation_marks(self):
        assert cells(b'a;b\r\n"one\ntwo";"say ""x"""\r\n') == [["a", "b"], ["one\ntwo", 'say "x"']]

    @given(st.text() | st.sampled_from(RUN) | st.text(alphabet="'=+-@ \t\r\na＝＋－＠\u3000\xa0\x1c"))
    def test_every_text_that_an_export_guards_comes_back_as_it_was(self, text):
        assert table_reader.as_it_was(guarded(text)) == text

    @pytest.mark.parametrize("dialect", [PROGRAMS, EXCEL])
    def test_our_own_exports_are_read_without_what_guards_their_texts(self, dialect):
        texts = [text for text in (*RUN, *HARMLESS, "two  spaces", "a\n\n=b", 'say "=x"; or, "y"') if text]
        columns = [Column("id"), Column("text")]

        chunks = csv_chunks(columns, [[[number, text] for number, text in enumerate(texts)]], dialect)

        found = cells(b"".join(chunk.content for chunk in chunks))
        assert found == [["id", "text"], *([str(number), text.strip()] for number, text in enumerate(texts))]

    def test_a_workbook_has_no_guard_and_keeps_its_apostrophes(self):
        assert cells(xlsx([["Name"], ["'-5 Grad"]]), "a.xlsx") == [["Name"], ["'-5 Grad"]]

    def test_rows_are_counted_as_in_the_file_and_empty_ones_are_left_out(self):
        table = read_table(io.BytesIO(b"a;b\n\n;;\n1;2\n"), "a.csv")

        assert [row.number for row in table.rows] == [1, 4]

    @pytest.mark.parametrize("content", [b"a;b\0c\n1;2\n", "a;b\n1;2\n".encode("utf-16-le"), b"\x81\x8d\x8f"])
    def test_what_is_no_text_is_refused(self, content):
        with pytest.raises(TableIsRefused):
            cells(content)

    HEAD = "Supplier;Month;Received;Defective;Comment\r\nSUP-1;2019-01;1000;1;ok\r\n"

    @pytest.mark.parametrize("line", ['SUP-1;2019-02;1000;2;"bolt 5\r\n', '"SUP-1;2019-02;1000;2;bolt\r\n'])
    def test_a_quotation_mark_that_nothing_closes_is_refused_and_its_line_is_named(self, line):
        more = "SUP-1;2019-03;1000;900;bad\r\n" * 2

        with pytest.raises(TableIsRefused, match="quotation mark in line 3 that nothing closes"):
            cells((self.HEAD + line + more).encode())
        with pytest.raises(TableIsRefused, match="quotation mark in line 4 that nothing closes"):
            cells(("sep=;\r\n" + self.HEAD + line + more).encode())

    @pytest.mark.parametrize("cell", ['"M8" bolt', '"M8" ', '"a""b" c', '"one\ntwo" three'])
    def test_a_text_that_goes_on_behind_its_quotation_mark_is_refused(self, cell):
        with pytest.raises(TableIsRefused, match=r"in line 3 that is closed .* goes on behind it"):
            cells((self.HEAD + f"SUP-1;2019-02;1000;2;{cell}\r\n").encode())

    def test_the_line_is_that_of_the_mark_and_not_of_the_row(self):
        with pytest.raises(TableIsRefused, match="in line 4 that nothing closes"):
            cells((self.HEAD + 'SUP-1;"one\r\ntwo";"x\r\nthree').encode())

    @pytest.mark.parametrize("mark", [' "a;b"', '\t"a"'])
    def test_a_quotation_mark_behind_white_space_is_refused(self, mark):
        with pytest.raises(TableIsRefused, match="white space before a quotation mark in line 3"):
            cells((self.HEAD + f"SUP-1;2019-02;1000;2;{mark}\r\n").encode())

    @pytest.mark.parametrize(
        "rows",
        [
            'SUP-1;2019-02;1000;2;"5 inch\r\nSUP-2;2019-02;1000;900;3 inch"\r\n',
            'SUP-1;2019-02;1000;2;"5 inch\r\nSUP-2;2019-02;1000;900;bad\r\nSUP-3;2019-02;1000;900;3"\r\n',
            'SUP-1;2019-02;"1000;2;x\r\nSUP-2;2019-02;1000";900;bad\r\n',
            '"SUP-1;2019-02;1000;2;x\r\nSUP-2";2019-02;1000;900;bad\r\n',
            'SUP-1;2019-02;1000;2;"5\r\nSUP-2";2019-02;1000;900;bad\r\n',
            'SUP-1;2019-02;1000;2;"5\r\nSUP-2;2019-02;1000;3"\r\n',
            'SUP-1;2019-02;1000;2;"5\rSUP-2;2019-02;1000;900;3"\r\n',
        ],
    )
    @pytest.mark.parametrize("head", [HEAD, HEAD.partition("\r\n")[0] + "\r\n", "Volumes; plant 2\r\n" + HEAD])
    def test_two_stray_marks_that_make_one_cell_of_rows_are_refused(self, head, rows):
        line = head.count("\n") + 1
        with pytest.raises(TableIsRefused, match=f"mark in line {line} that makes one cell of lines {line} to .*xlsx"):
            cells((head + rows).encode())

    def test_stray_marks_in_the_row_of_names_are_refused(self):
        with pytest.raises(TableIsRefused, match="look like rows"):
            cells(b'Supplier;Month;"Size\nSUP-1;2019-01;5"\nSUP-2;2019-01;3\n')

    @pytest.mark.parametrize(
        "text", ["one\r\ntwo", "bent; cracked\r\ndented; scratched", "\r\n", "a\r\n;;;\r\nb", '5"\r\n"6"', "a;b;c;d;e"]
    )
    def test_a_text_of_several_lines_is_one_cell_wherever_it_stands(self, text):
        quoted = '"' + text.replace('"', '""') + '"'
        for place in range(5):
            row = ["SUP-1", "2019-02", "1000", "2", "x"]
            row[place] = quoted
            found = cells((self.HEAD + ";".join(row) + "\r\n").encode())[-1]
            assert len(found) <= 5
            assert (found[place] if place < len(found) else "") == text.strip()

    def test_names_of_columns_may_have_lines_below_a_title(self):
        content = 'Volumes 2019;;\r\nSupplier;"Pieces\r\nreceived";Month\r\nSUP-1;1;2019-01\r\n'

        assert cells(content.encode())[1] == ["Supplier", "Pieces\r\nreceived", "Month"]

    def test_an_endless_line_and_an_open_quotation_mark_are_refused(self):
        with pytest.raises(TableIsTooLarge, match="quotation"):
            cells(b'a;b\n"' + b"x" * 100_000)

    @pytest.mark.parametrize("content", [b"", b"\n\n;;;\n"])
    def test_an_empty_file_is_refused(self, content):
        with pytest.raises(TableIsRefused):
            cells(content)

    def test_more_rows_than_allowed_are_refused(self, settings):
        settings.IMPORT_MAX_ROWS = 5
        with pytest.raises(TableIsTooLarge, match="more than 5 rows"):
            cells(b"a\n" * 20)

    def test_more_columns_than_allowed_are_refused(self):
        with pytest.raises(TableIsTooLarge, match="columns"):
            cells(b";".join([b"a"] * (MAX_COLUMNS + 1)))

    def test_a_million_columns_are_refused_and_not_held(self):
        with pytest.raises(TableIsTooLarge):
            cells(b"a;" * 1_000_000 + b"a")

    def test_more_bytes_than_allowed_are_refused(self, settings):
        settings.IMPORT_MAX_BYTES = 1_024
        with pytest.raises(TableIsTooLarge, match="1,024 bytes"):
            cells(b"a;b\n" * 400)


class TestXlsx:
    def test_numbers_stay_numbers_and_days_are_iso(self):
        content = xlsx(
            [["Lieferant", "Menge", "bis"], ["Müller", 12000, Serial(46387)], ["Rossi", 12.345, "31.12.2026"]]
        )

        assert cells(content, "a.xlsx") == [
            ["Lieferant", "Menge", "bis"],
            ["Müller", 12000, "2026-12-31"],
            ["Rossi", 12.345, "31.12.2026"],
        ]

    def test_of_a_formula_its_value_is_read(self):
        assert cells(xlsx([["a"], [Formula('HYPERLINK("http://x.example","y")')]]), "a.xlsx") == [["a"], [42]]

    @pytest.mark.parametrize(
        ("cell", "what"),
        [
            (Raw(' t="e"><v>#N/A</v>'), "#N/A"),
            (Raw(' t="e"><f>1/0</f><v>#DIV/0!</v>'), "#DIV/0!"),
            (Raw("><f>1+2</f>"), NOT_COMPUTED),
            (Raw("><f>1+2</f><v></v>"), NOT_COMPUTED),
            (Raw('><f t="shared" si="0"/><v/>'), NOT_COMPUTED),
            (Raw(' t="str"><f>A1</f>'), NOT_COMPUTED),
            (Raw("><v>NaN</v>"), "NaN"),
        ],
    )
    def test_a_cell_that_has_content_and_no_value_is_not_empty(self, cell, what):
        content = xlsx([["a", "b"], ["", ""], [1, cell], [cell, ""], ["", "x"], [cell, cell]])

        unread = {"unread": what}
        rows = read_table(io.BytesIO(content), "a.xlsx").rows
        assert [(row.number, row.cells) for row in rows] == [
            (1, ["a", "b"]), (3, [1, unread]), (4, [unread]), (5, ["", "x"]), (6, [unread, unread]),
        ]  # fmt: skip

    def test_cells_without_a_value_left_of_the_others_and_without_references_keep_their_places(self):
        rows = '<row><c><v>1</v></c></row><row><c/><c t="e"><v>#REF!</v></c><c><v>2</v></c></row>'
        row = '<row r="4"><c r="C4"><f>1</f></c><c t="e"><v>#N/A</v></c><c r="E4"><v>3</v></c></row>'
        for lines, expected in (
            (rows, [[1], ["", {"unread": "#REF!"}, 2]]),
            (row, [[{"unread": NOT_COMPUTED}, {"unread": "#N/A"}, 3]]),
            (row.replace("<v>3</v>", ""), [[{"unread": NOT_COMPUTED}, {"unread": "#N/A"}]]),
        ):
            xml = f'<worksheet xmlns="{MAIN}"><sheetData>{lines}</sheetData></worksheet>'
            assert cells(xlsx(sheet_xml=xml), "a.xlsx") == expected

    def test_a_formula_that_is_worth_an_empty_text_is_empty(self):
        content = xlsx([["a", "b"], [Raw(' t="str"><f>""</f><v></v>'), 1]])

        assert cells(content, "a.xlsx") == [["a", "b"], ["", 1]]

    def test_a_sheet_with_entities_is_refused(self):
        xml = '<!DOCTYPE a [<!ENTITY b "c">]>' + sheet([["a"], ["1"]])

        with pytest.raises(TableIsRefused):
            cells(xlsx(sheet_xml=xml), "a.xlsx")

    def test_merged_cells_have_their_value_in_the_first_one(self):
        content = xlsx([["Title", ""], ["a", "b"]], extra='<mergeCells count="1"><mergeCell ref="A1:B1"/></mergeCells>')

        assert cells(content, "a.xlsx") == [["Title"], ["a", "b"]]

    @pytest.mark.parametrize("state", ["hidden", "veryHidden"])
    def test_the_first_sheet_that_people_see_is_read(self, state):
        book = with_hidden_first_sheet(xlsx([["a"], ["1"]]), sheet([["Lists"], ["x"]]), state=state)
        table = read_table(io.BytesIO(book), "a.xlsx")

        assert [row.cells for row in table.rows] == [["a"], ["1"]]
        assert (table.facts["sheet"], table.facts["sheets"]) == ("Tabelle1", 1)

    def test_rows_that_nobody_sees_are_refused_and_their_sheet_is_named(self):
        book = with_hidden_first_sheet(xlsx([]), sheet([["Name"], ["x"]]))

        with pytest.raises(TableIsRefused, match=r"hidden sheets alone\. Show the sheet 'Listen'"):
            cells(book, "a.xlsx")

    def test_days_are_those_of_the_calendar_that_the_workbook_has(self):
        assert cells(from_1904(xlsx([["bis"], [Serial(44925)]])), "a.xlsx") == [["bis"], ["2026-12-31"]]

    def test_rows_are_counted_as_in_the_sheet(self):
        table = read_table(io.BytesIO(xlsx([[""], [""], ["a", "b"], ["1", "2"]])), "a.xlsx")

        assert [row.number for row in table.rows] == [3, 4]

    def test_a_link_to_another_file_is_not_followed(self):
        content = xlsx(
            [["a"], ["b"]],
            more={"xl/externalLinks/externalLink1.xml": '<externalLink><externalBook r:id="x"/></externalLink>'},
        )

        assert cells(content, "a.xlsx") == [["a"], ["b"]]

    @pytest.mark.parametrize(
        ("content", "name"),
        [
            (xlsx([["a"]], more={"xl/vbaProject.bin": "x"}), "a.xlsx"),
            (xlsx([["a"]]), "a.xlsm"),
            (xlsx([["a"]]), "a.xls"),
            (xlsx([["a"]]), "a.ods"),
            (b"PK\x03\x04 is no archive", "a.xlsx"),
            (b"\xd0\xcf\x11\xe0 an old one", "a.xlsx"),
            (xlsx(sheet_xml="<worksheet><sheetData><row"), "a.xlsx"),
            (b"a;b\n1;2\n", "a.xlsx"),
            (b"a;b\n1;2\n", "a"),
        ],
    )
    def test_macros_old_formats_and_damage_are_refused(self, content, name):
        with pytest.raises((TableIsRefused, TableIsTooLarge)):
            cells(content, name)

    def test_an_archive_that_unpacks_to_too_much_is_refused_before_it_is_read(self, monkeypatch):
        monkeypatch.setattr(tables, "_answer_of", None)  # nobody is asked to read it
        bomb = xlsx([["a"]], more={"xl/sharedStrings.xml": "<sst>" + " " * 150_000_000 + "</sst>"})

        assert len(bomb) < 400_000
        with pytest.raises(TableIsRefused, match="unpacks to more"):
            cells(bomb, "a.xlsx")

    # The first takes 400 GB, which no machine gives. The second takes 1 GB, which nothing but our bound refuses.
    @pytest.mark.parametrize("cell", ["XFD1048576", "AZ900000"])
    def test_one_that_is_small_unpacked_and_huge_in_memory_ends_its_reader_alone(self, cell):
        far = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row r="1">'
        far += f'<c r="A1"><v>1</v></c></row><row r="{re.sub("[A-Z]", "", cell)}"><c r="{cell}"><v>1</v></c></row>'
        far += "</sheetData></worksheet>"

        begun = time.monotonic()
        with pytest.raises(TableIsTooLarge, match="too much memory or time"):
            cells(xlsx(sheet_xml=far), "a.xlsx")
        assert time.monotonic() - begun < tables.SECONDS + 5

    def test_many_shared_strings_are_read_within_the_bounds_or_refused(self):
        strings = "<sst>" + "".join(f"<si><t>{'x' * 40}{number}</t></si>" for number in range(400_000)) + "</sst>"
        content = xlsx([["a"], ["b"]], more={"xl/sharedStrings.xml": strings})

        with suppress(TableIsTooLarge):
            assert cells(content, "a.xlsx") == [["a"], ["b"]]


def test_the_reader_knows_no_secret_and_cannot_write_more_than_its_answer(monkeypatch, tmp_path):
    seen = {}

    def run(command, **options):
        seen.update(options, command=command)
        raise OSError

    monkeypatch.setattr(tables.subprocess, "run", run)
    with pytest.raises(Exception, match="process"):
        cells(b"a;b\n")

    assert seen["env"] == {}
    assert seen["command"][1] == "-I"
