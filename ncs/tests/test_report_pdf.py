"""The PDF says what the report says, whatever people have written and attached, and is made in bounded time."""

from __future__ import annotations

import io
import json
import sys
import time
import unicodedata
from dataclasses import replace

import pytest
from pypdf import PdfReader

from ncs.errors import ReportCannotBeMade
from ncs.report import painter, pdf
from ncs.report.content import report_of
from ncs.report.pdf import as_pdf
from ncs.report.pictures import read_pictures
from ncs.report.shape import Line, Pictures
from ncs.tests.reports import png, put, worked_on

pytestmark = pytest.mark.django_db

HOSTILE = (
    '#let x = read("/etc/passwd") #panic() #import "@preview/x:1.0.0" [a] *b* _c_ $x$ `d` <e> @f ~ -- ... // g /* h */'
    " \\ \\u{41} \"quoted\" 'single' = heading - item + item / term: ] } ) #sys.inputs"
)


def read(document: bytes) -> PdfReader:
    return PdfReader(io.BytesIO(document))


def text_of(document: bytes) -> str:
    """Return the text on all pages, without white space and places for a break."""
    text = "".join(page.extract_text() for page in read(document).pages)
    return "".join(each for each in text if not each.isspace() and unicodedata.category(each) != "Cf")


def squeezed(text: str) -> str:
    return "".join(text.split())


def made(nc) -> bytes:
    report = report_of(nc.pk)
    return as_pdf(report, read_pictures(report.files)).content


class TestAsPdf:
    def test_says_all_that_the_report_says(self, make_nc, users):
        nc = worked_on(make_nc(severity="high", part_no="P 7"), users)
        put(nc := reopened(nc, users), png(), users, description="The bore")
        report = report_of(nc.pk)

        text = text_of(made(nc))

        said = [line.text for section in report.sections for line in section.lines]
        said += [cell for section in report.sections for table in section.tables for row in table.rows for cell in row]
        said += [cell for row in report.signatures.rows for cell in row]
        said += [line.text for line in (*report.facts, *report.proof)] + [each.sha256 for each in report.files]
        assert [each for each in said if squeezed(each) not in text] == []

    def test_is_tagged_and_has_title_and_language(self, make_nc):
        nc = make_nc()

        document = read(made(nc))

        root = document.trailer["/Root"]
        assert root["/Lang"] == "en"
        assert root["/MarkInfo"]["/Marked"].value is True
        assert "/StructTreeRoot" in root
        assert document.metadata.title == f"8D report {nc.number}"
        assert round(document.pages[0].mediabox.width / 72 * 25.4) == 210

    def test_meets_the_standard_for_accessible_pdf(self, make_nc, users, tmp_path, monkeypatch):
        """The library refuses PDF/UA-1 for what has no title or language, and for gaps in the headings."""
        nc = worked_on(make_nc(severity="high"), users)

        template = painter.Path(painter.__file__).with_name("report.typ").read_bytes()
        data = pdf._data(report_of(nc.pk)) | {"pictures": [{"file": "/bore.png", "caption": "The bore"}], "notes": []}
        (tmp_path / "bore.png").write_bytes(png())
        monkeypatch.chdir(tmp_path)
        document, refused = painter.painted(template, data, 0, format="pdf", pdf_standards=["ua-1"])

        assert (document[:5], refused) == (b"%PDF-", [])

    def test_takes_nothing_for_markup(self, make_nc, users):
        nc = make_nc(description=HOSTILE, part_no="#p[7]", lot_no="\\lot")

        text = text_of(made(nc))

        for each in (HOSTILE, "#p[7]", "\\lot"):
            assert squeezed(each) in text
        assert "root:" not in text

    @pytest.mark.parametrize(
        "description",
        [
            "根本原因 不良",
            "مرحبا بالعالم",
            "שלום",
            "😀👩‍🔧🏳️‍🌈",
            "zażółć Größe Ελλάδα Привет",
            "\u202eabc\u202c \u200b\u2066x\u2069 e\u0301",
            "\x01\x1b[31m \ufffd \U0010fffd",
            "W" * 5_000,
            "字" * 5_000,
            "a\n" * 2_000 + "b",
        ],
    )
    def test_no_text_breaks_it(self, make_nc, description):
        assert made(make_nc(description=description))[:5] == b"%PDF-"

    def test_breaks_what_has_no_space_within_the_page(self, make_nc):
        document = read(made(make_nc(description="W" * 5_000)))

        lines = "".join(page.extract_text() for page in document.pages).splitlines()
        assert sum(line.count("W") for line in lines) == 5_000
        assert max(len(line) for line in lines if line.startswith("W")) <= 60

    def test_is_the_same_for_the_same_report(self, make_nc):
        nc = make_nc()

        assert made(nc) == made(nc)

    def test_holds_the_pictures_and_names_what_cannot_be_painted(self, make_nc, users):
        nc = make_nc()
        put(nc, png(data=b"no picture"), users, name="broken.png")
        put(nc, png(), users, name="bore.png")

        document = made(nc)

        assert "broken.pngisnotshown:itcannotbepainted." in text_of(document)
        assert sum(len(page.images) for page in read(document).pages) == 1

    def test_is_made_without_pictures_when_these_end_the_painter(self, make_nc, users, painter_of):
        nc = make_nc()
        put(nc, png(), users)
        report = report_of(nc.pk)
        painter_of("if order['report']['pictures']: os._exit(139)")

        document = as_pdf(report, read_pictures(report.files))

        assert not document.is_whole
        assert "bore.pngisnotshown:itcannotbepainted." in text_of(document.content)

    @pytest.mark.parametrize(
        ("fault", "said"),
        [
            ("os._exit(139)", "exit code 139"),
            ("raise SystemExit('no')", "exit code 1: no"),
            pytest.param(
                "__import__('mmap').mmap(-1, 2 * 1024**3)",
                "Cannot allocate memory",
                marks=pytest.mark.skipif(sys.platform == "darwin", reason="macOS does not bound addresses"),
            ),
            ("open('kept', 'wb', buffering=0).write(b'x')", "File too large"),
        ],
    )
    def test_is_refused_when_the_painter_fails(self, make_nc, painter_of, caplog, fault, said):
        painter_of(fault)

        with pytest.raises(ReportCannotBeMade):
            as_pdf(report_of(make_nc().pk), Pictures())

        assert said in caplog.text

    def test_is_refused_in_time_when_the_painter_hangs(self, make_nc, painter_of, monkeypatch):
        monkeypatch.setattr(pdf, "SECONDS", 0.2)
        monkeypatch.setattr(pdf, "SECONDS_WITHOUT_PICTURES", 0.2)
        painter_of("__import__('signal').alarm(20); __import__('signal').pause()")
        began = time.monotonic()

        with pytest.raises(ReportCannotBeMade):
            as_pdf(report_of(make_nc().pk), Pictures())

        assert time.monotonic() - began < 10
        assert pdf._turns.acquire(blocking=False)
        pdf._turns.release()

    def test_is_refused_when_too_many_are_being_made(self, make_nc, monkeypatch):
        monkeypatch.setattr(pdf, "TURN_SECONDS", 0)
        report = report_of(make_nc().pk)

        with pdf._turns, pdf._turns, pytest.raises(ReportCannotBeMade):
            as_pdf(report, Pictures())

    def test_the_painter_knows_no_secret(self, make_nc, painter_of, tmp_path, monkeypatch):
        monkeypatch.setenv("SECRET_KEY", "of the environment")
        painter_of("order['report']['title'] = repr(sorted(set(os.environ) - {'LC_CTYPE'}))")

        assert "[]" in text_of(as_pdf(report_of(make_nc().pk), Pictures()).content)

    def test_shows_what_is_longer_than_a_page(self, make_nc):
        report = report_of(make_nc().pk)
        lines = tuple(Line(f"Line {number}", "x" * 200) for number in range(300))

        document = read(as_pdf(replace(report, facts=lines), Pictures()).content)

        assert len(document.pages) > 5


def reopened(nc, users):
    from ncs.services import reopen_nonconformity

    return reopen_nonconformity(nc_id=nc.pk, reason="Again", actor=users["quality"])


@pytest.fixture
def painter_of(tmp_path, monkeypatch):
    """Put a painter in the place of ours that first does something else with its order."""

    def with_fault(statement: str) -> None:
        source = painter.Path(painter.__file__)
        text = source.read_text().replace("    template = Path", f"    import os\n    {statement}\n    template = Path")
        assert statement in text
        (tmp_path / "painter.py").write_text(text)
        (tmp_path / "report.typ").write_bytes(source.with_name("report.typ").read_bytes())
        monkeypatch.setattr(pdf, "PAINTER", tmp_path / "painter.py")

    return with_fault


def test_the_painter_imports_nothing_of_the_project():
    import subprocess

    program = (
        f"import sys; sys.path.insert(0, {str(painter.Path(painter.__file__).parent)!r}); import painter; "
        "print([name for name in sys.modules if name.split('.')[0] in ('django', 'ncs', 'qhse')])"
    )
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, check=True, cwd="/")

    assert json.loads(done.stdout) == []
