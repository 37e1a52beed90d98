"""Reading a table that a stranger made: looked at before it is unpacked, and read by a process of its own."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any, BinaryIO, NamedTuple

from django.conf import settings

from qhse.attachments.contents import digest_of
from qhse.attachments.names import extension_of
from qhse.attachments.office import ArchiveIsRefused, demand_office
from qhse.exchange import table_reader
from qhse.exchange.errors import ReaderIsBusy, TableIsRefused, TableIsTooLarge
from qhse.temporary import no_space, temporary_file, temporary_space

logger = logging.getLogger("qhse.exchange")

Cell = str | int | float | dict[str, str]
"""The last is a cell that has content and no value: see `unread_cells`."""
SECONDS = 30.0  # for a file, from the start of its reader to its end
TURN_SECONDS = 10.0  # of waiting while others have their files read
MOST_READERS = 2  # at once, of one process: each may use the memory that a reader is given
MAX_COLUMNS = 200
KINDS = ("csv", "xlsx")
# Behind everything else to be imported from, so that nothing of ours stands in for a module of Python.
_READER = "import sys; sys.path.append(sys.argv.pop(1)); from qhse.exchange.table_reader import main; main()"
_HOME = str(Path(table_reader.__file__).parents[2])
_turns = BoundedSemaphore(MOST_READERS)
_SAY_XLSX = "Save it as .xlsx or .csv."


class Row(NamedTuple):
    """A row that is not empty: its number, as the program shows it that wrote the file, and its cells."""

    number: int
    cells: list[Cell]


class Table(NamedTuple):
    """What a file holds. `facts` has encoding and separator, or the name of the sheet and how many there are."""

    size: int
    sha256: str
    facts: dict[str, Any]
    rows: list[Row]


def read_table(content: BinaryIO, name: str) -> Table:
    """
    Return the rows of a CSV or XLSX file, which is open for reading, and stays open.

    An XLSX file is looked at first as evidence is: no macros, no other files in it, no archive that unpacks to too
    much. Then a process reads it that has bounds of memory, time and output.

    Raises TableIsRefused, TableIsTooLarge, ReaderIsBusy, NoTemporarySpace.
    """
    kind = extension_of(name)
    if kind not in KINDS:
        raise TableIsRefused(f"The name must end with .csv or .xlsx. {_SAY_XLSX}", field="file")
    size, sha256 = digest_of(content)
    if size > settings.IMPORT_MAX_BYTES:
        raise TableIsTooLarge(f"The file is larger than {settings.IMPORT_MAX_BYTES:,} bytes.", field="file")
    if not size:
        raise TableIsRefused("The file is empty.", field="file")
    if kind == "xlsx":
        try:
            demand_office(content, size, main="xl/workbook.xml")
        except ArchiveIsRefused as refusal:
            raise TableIsRefused(f"The .xlsx file {refusal}. {_SAY_XLSX}", field="file") from None
    facts, rows = _answer_of(content, kind)
    if not rows:
        raise TableIsRefused("The file has no rows.", field="file")
    return Table(size, sha256, facts, rows)


def _answer_of(content: BinaryIO, kind: str) -> tuple[dict[str, Any], list[Row]]:
    if not _turns.acquire(timeout=TURN_SECONDS):
        raise ReaderIsBusy("Too many files are being read; ask again shortly.")
    try:
        with temporary_space(), temporary_file("qhse-table-") as source, temporary_file("qhse-rows-") as answer:
            content.seek(0)
            while piece := content.read(1_048_576):
                source.write(piece)
            source.seek(0)
            _run(kind, source, answer)
            answer.seek(0)
            return _understood(answer)
    finally:
        _turns.release()


def _run(kind: str, source: Any, answer: Any) -> None:
    # Without our environment, which holds keys, and with nothing in it that could change how Python starts.
    command = [sys.executable, "-I", "-c", _READER, _HOME, kind, str(settings.IMPORT_MAX_ROWS), str(MAX_COLUMNS)]
    try:
        done = subprocess.run(
            command, stdin=source, stdout=answer, stderr=subprocess.PIPE, timeout=SECONDS, cwd="/", env={}, check=False
        )
    except subprocess.TimeoutExpired:
        raise TableIsTooLarge(f"The file could not be read in {SECONDS:g} seconds.", field="file") from None
    except OSError as error:
        raise ReaderIsBusy("No process could be started that reads the file; ask again shortly.") from error
    if done.returncode == table_reader.NO_SPACE:
        raise no_space(f"the answer of the reader of tables: {done.stderr[-500:]!r}")
    if done.returncode:
        # It was ended by one of its bounds, or by what the library met.
        logger.warning("a file could not be read: %s %s", done.returncode, done.stderr[-500:])
        raise TableIsTooLarge("The file needs too much memory or time to be read. Is it a plain table?", field="file")


def _understood(answer: Any) -> tuple[dict[str, Any], list[Row]]:
    facts: dict[str, Any] = {}
    rows: list[Row] = []
    for line in answer:
        told = json.loads(line)
        if isinstance(told, list):
            rows.append(Row(*told))
            continue
        if "refused" in told:
            raise TableIsRefused(f"The file {told['refused']}.", field="file")
        if "too_large" in told:
            raise TableIsTooLarge(f"The file {told['too_large']}.", field="file")
        facts = told
    return facts, rows
