"""Dossiers: readable by people, provable by programs, bounded, and known to the trail."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import zipfile

import pytest

from audit.models import AuditEntry
from audit.proof import export
from audit.proof.sealing import seal_new_entries
from ncs.dossier import bundle, making
from ncs.report import pdf
from ncs.services import cancel_action, close_nonconformity, open_action
from qhse import clock
from qhse.attachments import storage
from qhse.attachments.models import Attachment
from qhse.attachments.services import attach, void_attachment
from suppliers.models import Certificate

pytestmark = pytest.mark.django_db
PROOF = ("entries.jsonl", "manifest.json", "seals.jsonl", "verify_export.py")


@pytest.fixture(autouse=True)
def without_gate(settings):
    settings.NC_CLOSE_GATE = {"api": "record", "admin": "record"}


@pytest.fixture
def case(make_nc, users):
    """A closed case with an action, a file, and a file that was declared void; sealed."""
    nc = make_nc(description="Bore <b>12.08</b> mm")
    action = open_action(nc_id=nc.pk, kind="corrective", title="New tool", actor=users["quality"])
    for name in ("../../measured värde.csv", "mistake.csv"):
        file = attach(
            entity_type="nonconformity", entity_id=str(nc.pk), name=name.rpartition("/")[2],
            content=io.BytesIO(b"part;mm\n1;12.08\n"), actor=users["quality"],
        )  # fmt: skip
    void_attachment(attachment_id=file.pk, reason="Another lot", actor=users["quality"])
    cancel_action(action_id=action.pk, reason="Supplier did it", actor=users["quality"])
    close_nonconformity(nc_id=nc.pk, actor=users["quality"], reason="Sorted")
    make_nc(description="Another case")
    seal_new_entries()
    nc.refresh_from_db()
    return nc


def of(nc):
    return {"entity_type": "nonconformity", "entity_id": str(nc.pk)}


def taken(response) -> bytes:
    assert response.status_code == 200, response.content
    return b"".join(response.streaming_content)


def unpacked(content: bytes, directory):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(directory)
    (root,) = directory.iterdir()
    return root


def checked(root, *arguments: str) -> str:
    command = [sys.executable, "-I", "-S", str(root / "proof" / "verify_export.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class TestTheZip:
    def test_proves_offline_what_happened_to_the_case_and_its_actions_and_nothing_else(self, api, case, tmp_path):
        root = unpacked(taken(api("auditor").get("/dossiers", of(case))), tmp_path)

        exported = AuditEntry.objects.get(action="AUDIT_TRAIL_EXPORTED")
        assert "proven: this is what the trail recorded" in checked(root, "--sha256", exported.entity_id)
        entries = [json.loads(line)["entry"] for line in (root / "proof/entries.jsonl").read_text().splitlines()]
        about = {(entry["entity_type"], entry["entity_id"]) for entry in entries}
        action = case.actions.get()
        assert about == {("nonconformity", str(case.pk)), ("action", str(action.pk))}
        assert len(entries) == AuditEntry.objects.filter(entity_type__in=("nonconformity", "action")).count() - 1

    def test_has_the_file_that_was_not_declared_void_as_it_was(self, api, case, tmp_path):
        root = unpacked(taken(api("auditor").get("/dossiers", of(case))), tmp_path)

        (file,) = (root / "files").iterdir()
        attachment = Attachment.objects.get(voided_at=None)
        assert file.name == f"{attachment.pk}-measured värde.csv"
        assert hashlib.sha256(file.read_bytes()).hexdigest() == attachment.sha256

    def test_its_index_names_each_of_its_files_with_the_digest(self, api, case, tmp_path):
        root = unpacked(taken(api("auditor").get("/dossiers", of(case))), tmp_path)

        index = json.loads((root / "index.json").read_text())
        found = {
            path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in root.rglob("*")
            if path.is_file() and path.name != "index.json"
        }
        assert {each["name"]: each["sha256"] for each in index["contents"]} == found
        assert {f"proof/{name}" for name in PROOF} | {"report.html", "report.pdf", "README.txt"} <= set(found)
        assert index["left_out"] == []

    def test_is_readable_with_its_history(self, api, case, tmp_path):
        root = unpacked(taken(api("auditor").get("/dossiers", of(case))), tmp_path)

        page = (root / "report.html").read_text()
        assert f"<h1>Dossier {case.number}</h1>" in page
        assert "Bore &lt;b&gt;12.08&lt;/b&gt; mm" in page
        assert "Non-conformity closed" in page
        assert "<h2>D8 Closure</h2>" in page
        assert (root / "report.pdf").read_bytes()[:5] == b"%PDF-"

    def test_leaves_an_entry_with_its_digest(self, api, case):
        content = taken(api("auditor").get("/dossiers", of(case)))

        entry = AuditEntry.objects.get(action="DOSSIER_MADE")
        assert entry.entity_id == hashlib.sha256(content).hexdigest()
        assert (entry.actor, entry.changes["form"]) == ("auditor", [None, "zip"])
        assert entry.changes["about"] == [None, f"Dossier {case.number}"]

    def test_says_what_is_not_sealed_yet(self, api, case, users, tmp_path, make_nc):
        nc = make_nc()

        root = unpacked(taken(api("auditor").get("/dossiers", of(nc))), tmp_path)

        (left_out,) = json.loads((root / "index.json").read_text())["left_out"]
        assert left_out["why"].startswith("1 entry not sealed yet")
        checked(root)

    def test_leaves_out_a_file_whose_content_is_another_and_says_so(self, api, case, tmp_path, monkeypatch):
        monkeypatch.setattr(storage, "opened", lambda stored_as: io.BytesIO(b"as agreed"))

        root = unpacked(taken(api("auditor").get("/dossiers", of(case))), tmp_path)

        left_out = json.loads((root / "index.json").read_text())["left_out"]
        assert [each["why"] for each in left_out] == ["its content is not what was attached"]
        assert not (root / "files").exists()

    def test_holds_files_up_to_a_size_and_names_the_others(self, api, case, tmp_path, monkeypatch):
        monkeypatch.setattr(bundle, "MOST_FILE_BYTES", 3)

        root = unpacked(taken(api("auditor").get("/dossiers", of(case))), tmp_path)

        (left_out,) = json.loads((root / "index.json").read_text())["left_out"]
        assert left_out["why"] == "the files would be too large together"
        assert left_out["sha256"] == Attachment.objects.get(voided_at=None).sha256

    def test_goes_without_the_pdf_when_none_can_be_made(self, api, case, tmp_path, monkeypatch):
        monkeypatch.setattr(pdf, "PAINTER", tmp_path / "painter.py")

        root = unpacked(taken(api("auditor").get("/dossiers", of(case))), tmp_path / "out")

        assert not (root / "report.pdf").exists()
        assert [each["what"] for each in json.loads((root / "index.json").read_text())["left_out"]] == ["report.pdf"]


class TestOtherForms:
    @pytest.mark.parametrize(("form", "start"), [("application/pdf", b"%PDF-"), ("text/html", b"<!DOCTYPE html>")])
    def test_are_the_readable_part_and_recorded_too(self, api, case, form, start):
        response = api("auditor").get("/dossiers", of(case), HTTP_ACCEPT=form)

        content = taken(response)
        assert content.startswith(start)
        assert response["Content-Type"].partition(";")[0] == form
        assert response["Content-Disposition"].startswith(f'attachment; filename="dossier-nonconformity-{case.pk}.')
        assert "sandbox" in response["Content-Security-Policy"]
        assert AuditEntry.objects.get(action="DOSSIER_MADE").entity_id == hashlib.sha256(content).hexdigest()

    def test_another_is_not_offered(self, api, case, problem_of):
        problem = problem_of(api("auditor").get("/dossiers", of(case), HTTP_ACCEPT="image/png"), 406)

        assert problem["code"] == "not_acceptable"
        assert not AuditEntry.objects.filter(action="DOSSIER_MADE").exists()


class TestEveryKind:
    @pytest.mark.parametrize("kind", ["supplier", "action"])
    def test_has_a_dossier_that_is_readable_and_provable(self, api, case, kind, tmp_path):
        pk = case.supplier_id if kind == "supplier" else case.actions.get().pk

        root = unpacked(taken(api("auditor").get("/dossiers", {"entity_type": kind, "entity_id": str(pk)})), tmp_path)

        page = (root / "report.html").read_text()
        assert ("Non-conformities, newest first" if kind == "supplier" else "New tool") in page
        assert "everything agrees" in checked(root)

    def test_a_certificate_too(self, api, users, make_supplier, tmp_path):
        certificate = Certificate.objects.create(
            supplier=make_supplier(), standard="iso_9001", number="4711", issuer="TÜV", valid_from="2026-01-01",
            valid_to="2029-01-01", submitted_by=users["procurement"],
        )  # fmt: skip

        root = unpacked(
            taken(api("auditor").get("/dossiers", {"entity_type": "certificate", "entity_id": str(certificate.pk)})),
            tmp_path,
        )

        assert "4711" in (root / "report.html").read_text()

    def test_a_period_has_all_that_was_recorded_in_it(self, api, case, tmp_path):
        today = clock.today().isoformat()

        root = unpacked(taken(api("auditor").get("/dossiers", {"from": today, "to": today})), tmp_path)

        manifest = json.loads((root / "proof/manifest.json").read_text())
        sealed = AuditEntry.objects.exclude(action__in=("DOSSIER_MADE", "AUDIT_TRAIL_EXPORTED")).count()
        assert manifest["entries"] == sealed
        page = (root / "report.html").read_text()
        assert "Non-conformities closed, and not reopened since" in page
        assert case.number in page
        assert "everything agrees" in checked(root)

    def test_an_empty_period_is_a_dossier_as_well(self, api, case, tmp_path):
        root = unpacked(taken(api("auditor").get("/dossiers", {"from": "2001-01-01", "to": "2001-03-31"})), tmp_path)

        assert json.loads((root / "proof/manifest.json").read_text())["entries"] == 0
        checked(root)


@pytest.mark.parametrize(
    ("query", "field", "code"),
    [
        ({}, "from", "invalid_dossier"),
        ({"from": "2026-01-01"}, "to", "invalid_period"),
        ({"from": "2026-04-01", "to": "2026-01-01"}, "to", "invalid_period"),
        ({"entity_type": "user", "entity_id": "1"}, "entity_type", "invalid_dossier"),
        ({"entity_type": "supplier"}, "entity_id", "invalid_dossier"),
        ({"entity_type": "supplier", "entity_id": "x"}, "entity_id", "invalid_dossier"),
        ({"entity_type": "supplier", "entity_id": "1", "from": "2026-01-01"}, "from", "invalid_dossier"),
    ],
)
def test_what_cannot_be_is_refused(api, db, problem_of, query, field, code):
    problem = problem_of(api("auditor").get("/dossiers", query), 400)

    assert (problem["code"], [error["field"] for error in problem["errors"]]) == (code, [field])
    assert not AuditEntry.objects.filter(action="DOSSIER_MADE").exists()


def test_of_no_record_there_is_none(api, db, problem_of):
    for kind in ("nonconformity", "action", "supplier", "certificate"):
        problem_of(api("auditor").get("/dossiers", {"entity_type": kind, "entity_id": "9" * 18}), 404)


def test_more_entries_than_a_file_holds_are_refused(api, case, problem_of, monkeypatch):
    monkeypatch.setattr(export, "MOST_IN_ZIP", 3)

    problem = problem_of(api("auditor").get("/dossiers", of(case)), 400)

    assert problem["code"] == "dossier_is_too_large"
    assert "manage.py export_audit_trail" in problem["detail"]
    assert not AuditEntry.objects.filter(action="DOSSIER_MADE").exists()


def test_one_is_made_at_a_time(api, case, problem_of, monkeypatch):
    monkeypatch.setattr(making, "TURN_SECONDS", 0.01)
    with making._turn:
        problem = problem_of(api("auditor").get("/dossiers", of(case)), 503)

    assert problem["code"] == "report_unavailable"


def test_what_is_not_recorded_is_not_given_away(api, case, monkeypatch):
    def fail(**values):
        raise RuntimeError("the database is away")

    monkeypatch.setattr(making, "record", fail)
    client = api("auditor")
    client.raise_request_exception = False

    assert client.get("/dossiers", of(case)).status_code == 500
    assert not AuditEntry.objects.filter(action="AUDIT_TRAIL_EXPORTED").exists()


@pytest.mark.parametrize("role", ["quality", "procurement"])
def test_others_get_none(api, case, role):
    assert api(role).get("/dossiers", of(case)).status_code == 403


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "_.._etc_passwd"),
        ("a\\b:c.txt", "a_b_c.txt"),
        ("..", "file"),
        ("värde 1.csv", "värde 1.csv"),
    ],
)
def test_a_file_stays_in_its_folder(name, safe):
    assert bundle._safe(name) == safe
