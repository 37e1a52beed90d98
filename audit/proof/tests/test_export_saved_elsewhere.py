"""An export on its way to an auditor: other programs save it, downloads break off. A good one is never accused."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from audit.models import AuditEntry
from audit.proof.tests.exports import check, lines_of
from audit.proof.verify_export import VERSION, canonical

pytestmark = pytest.mark.once

FILES = ("entries.jsonl", "seals.jsonl", "manifest.json")


def reordered(text: str) -> str:
    """As an editor does that sorts fields its own way, and writes letters as letters."""
    if "\n{" not in text and text.count("\n") > 1:  # the manifest
        return json.dumps(turned_round(json.loads(text)), indent=4, ensure_ascii=False)
    return "".join(f"{json.dumps(turned_round(json.loads(line)), ensure_ascii=False)}\n" for line in text.splitlines())


def turned_round(document: object) -> object:
    if isinstance(document, dict):
        return {name: turned_round(document[name]) for name in reversed(document)}
    return document


SAVED = {
    "with a byte order mark": lambda text: text.encode("utf-8-sig"),
    "as UTF-16": lambda text: b"\xff\xfe" + text.encode("utf-16-le"),
    "as UTF-16 of the other order": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "with the line ends of Windows": lambda text: text.replace("\n", "\r\n").encode(),
    "with the line ends of an old Mac": lambda text: text.replace("\n", "\r").encode(),
    "all of that": lambda text: b"\xff\xfe" + (text.replace("\n", "\r\n") + "\r\n \r\n").encode("utf-16-le"),
    "with blank lines": lambda text: f"\n{text}\n\n  \n".encode(),
    "without the last line end": lambda text: text.rstrip("\n").encode(),
    "with its fields in another order": lambda text: reordered(text).encode(),
}


@pytest.fixture
def recorded(export, trail):
    """An export with a filter of several fields, and what the trail recorded of it."""
    directory = export("--since", "2020-01-01", "--actor", "quality", "--until", "2100-01-01")
    return directory, AuditEntry.objects.get(action="AUDIT_TRAIL_EXPORTED").entity_id


@pytest.mark.parametrize("way", SAVED)
def test_a_good_export_that_another_program_has_saved_is_accepted(recorded, way):
    directory, sha256 = recorded
    for name in FILES:
        text = (directory / name).read_text()
        (directory / name).write_bytes(SAVED[way](text))

    code, output = check(directory, "--sha256", sha256)

    assert (code, "proven: this is what the trail recorded as exported" in output) == (0, True), output


@pytest.mark.parametrize("way", SAVED)
def test_one_that_was_changed_as_well_is_rejected(recorded, way):
    directory, sha256 = recorded
    line, *others = lines_of(directory / "entries.jsonl")
    line["entry"]["reason"] = "Nobody asked"
    lines = "".join(f"{canonical(one).decode()}\n" for one in (line, *others))
    (directory / "entries.jsonl").write_text(lines)
    for name in FILES:
        text = (directory / name).read_text()
        (directory / name).write_bytes(SAVED[way](text))

    code, output = check(directory, "--sha256", sha256)

    assert (code, f"entry {line['entry']['id']} is not what seal" in output) == (1, True)


def test_another_filter_is_told_in_any_order(recorded):
    directory, sha256 = recorded
    manifest = json.loads((directory / "manifest.json").read_text())
    manifest["filter"]["actor"] = "procurement"
    (directory / "manifest.json").write_text(json.dumps(manifest))

    code, output = check(directory, "--sha256", sha256)

    assert (code, "the manifest is not the one that was recorded" in output) == (1, True)


BROKEN = {
    "cut off": (lambda raw: raw[: len(raw) - 20], "cut off on its way"),
    "cut off in UTF-16": (lambda raw: raw.decode().encode("utf-16")[:-21], "cut off on its way"),
    "empty": (lambda raw: b"", "cut off on its way"),
    "blank": (lambda raw: b"\r\n\r\n", "cut off on its way"),
    "a web page": (lambda raw: b"<!DOCTYPE html>\n<title>502 Bad Gateway</title>", "web page"),
    "compressed": (lambda raw: gzip.compress(raw), "compressed (gzip): unpack"),
    "an archive": (lambda raw: b"PK\x03\x04" + raw, "compressed (zip): unpack"),
    "UTF-16 without its mark": (lambda raw: raw.decode().encode("utf-16-le"), ""),
    "of another program": (lambda raw: b"\x89PNG\r\n\x1a\n" + raw, "text neither in UTF-8"),
    "nested without end": (lambda raw: b"[" * 100_000, "no JSON document"),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("how", BROKEN)
def test_a_file_that_cannot_be_read_is_named_and_says_nothing_against_the_export(export, trail, how, name):
    directory = export()
    change, said = BROKEN[how]
    (directory / name).write_bytes(change((directory / name).read_bytes()))

    code, output = check(directory)

    assert (code, name in output, said in output) == (2, True, True), output
    assert "something is wrong" not in output and "Traceback" not in output and "everything agrees" not in output


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_missing_or_a_directory_is_named(export, trail, name):
    directory = export()
    (directory / name).unlink()

    for said in ("No such file", "Is a directory"):
        code, output = check(directory)
        assert (code, f"no export that could be checked: {name}: {said}" in output) == (2, True)
        (directory / name).mkdir(exist_ok=True)


def test_an_export_that_is_still_packed_is_to_be_unpacked(export, trail, tmp_path):
    packed = tmp_path / "audit-export.zip"
    packed.write_bytes(b"PK\x03\x04")

    code, output = check(export(), str(packed))

    assert (code, "is a file: unpack it" in output) == (2, True)


def test_an_export_of_a_newer_version_is_for_a_newer_program(export, trail):
    directory = export()
    manifest = json.loads((directory / "manifest.json").read_text())
    (directory / "manifest.json").write_text(json.dumps(manifest | {"version": VERSION + 1, "more": 1}))

    code, output = check(directory)

    assert (code, "take the verify_export.py that came with the export" in output) == (2, True)


def test_what_was_found_before_a_file_broke_off_counts(export, trail):
    directory = export()
    text = (directory / "entries.jsonl").read_text().replace('"actor":"', '"actor":"x', 1)
    (directory / "entries.jsonl").write_text(text[:-20])

    code, output = check(directory)

    assert (code, "does not bear its actor's name" in output, "cut off on its way" in output) == (1, True, True)


def test_the_chain_out_of_an_export_is_no_checkpoint_for_it(export, trail):
    directory = export()

    code, output = check(directory, "--checkpoint", str(directory / "seals.jsonl"))

    assert (code, "line 1 is a seal out of an export" in output) == (2, True)


def test_a_file_of_checkpoints_that_is_compressed_is_to_be_unpacked(export, trail, tmp_path):
    file = tmp_path / "checkpoints.gz"
    file.write_bytes(gzip.compress(json.dumps(trail[0]).encode()))

    code, output = check(export(), "--checkpoint", str(file))

    assert (code, "compressed (gzip): unpack it first" in output) == (2, True)


def run_in_shell(directory: Path, command: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
    verifier = [sys.executable, str(directory / "verify_export.py")]
    return subprocess.run(["/bin/bash", "-c", command, "sh", *verifier], capture_output=True, env=variables, timeout=60)


class TestTerminals:
    def test_checkpoints_can_come_by_a_pipe(self, export, trail):
        done = run_in_shell(export(), f"echo '{json.dumps(trail[0])}' | \"$@\" --checkpoint /dev/stdin")

        assert (done.returncode, b"the chain is the one of 1 checkpoints" in done.stdout) == (0, True)

    @pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "ascii:strict"])
    def test_what_is_wrong_can_be_said_in_every_encoding(self, export, trail, encoding):
        directory = export()
        text = (directory / "entries.jsonl").read_text()
        line = json.loads(text.partition("\n")[0])
        line["entry"]["id"] = "工場"
        (directory / "entries.jsonl").write_text(f"{json.dumps(line)}\n{text.partition(chr(10))[2]}")

        done = run_in_shell(directory, '"$@"', PYTHONIOENCODING=encoding)

        assert (done.returncode, done.stderr) == (1, b"")
        assert rb"entry \u5de5\u5834 is not what seal" in done.stdout

    def test_a_reader_that_has_seen_enough_ends_it_in_silence(self, export, trail):
        read_end, write_end = os.pipe()
        os.close(read_end)  # gone before anything is written
        try:
            command = [sys.executable, str(export() / "verify_export.py")]
            done = subprocess.run(command, stdout=write_end, stderr=subprocess.PIPE, timeout=60)
        finally:
            os.close(write_end)

        assert (done.returncode, done.stderr) == (141, b"")

    def test_a_result_that_cannot_be_written_is_no_result(self, export, trail):
        done = run_in_shell(export(), '"$@" >/dev/full')

        assert (done.returncode, done.stderr) == (2, b"the result could not be written: No space left on device\n")

    def test_without_an_output_the_code_tells(self, export, trail):
        assert run_in_shell(export(), '"$@" >&-').returncode == 0
