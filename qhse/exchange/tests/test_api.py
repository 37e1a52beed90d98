"""`/imports`: check a file, set it up anew, start it, read how far it is."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from qhse.exchange.models import ImportJob
from qhse.exchange.running import run_waiting
from qhse.exchange.tests.conftest import suppliers_csv
from suppliers.models import Supplier

pytestmark = pytest.mark.django_db


def form(content: bytes | None = None, *, name: str = "suppliers.csv", **more):
    content = suppliers_csv(3) if content is None else content
    return {"kind": "suppliers", "file": SimpleUploadedFile(name, content), **more}


@pytest.fixture
def buyer(api):
    return api("procurement")


def test_a_file_is_checked_started_and_done(buyer, api):
    answer = buyer.post("/imports", form(), format="multipart")

    checked = answer.json()
    assert (answer.status_code, checked["status"], checked["foreseen_new"], checked["problems"]) == (
        201,
        "previewed",
        3,
        [],
    )
    assert [each["field"] for each in checked["columns"]] == ["name", "external_ref", "country", "certification_expiry"]
    assert Supplier.objects.count() == 0
    address = f"/imports/{checked['id']}"
    started = buyer.post(f"{address}/start", {}, headers={"If-Match": answer["ETag"]})
    assert (started.status_code, started.json()["status"]) == (200, "running")
    run_waiting()
    done = api("auditor").get(address).json()
    assert (done["status"], done["rows_new"], done["rows_tried"]) == ("done", 3, 3)
    assert buyer.get("/imports?status=done").json()["count"] == 1


def test_every_rows_error_is_answered_and_the_good_rows_can_be_chosen(buyer, problem_of):
    checked = buyer.post("/imports", form(suppliers_csv(4, bad=(0, 2))), format="multipart").json()
    assert [each["row"] for each in checked["problems"]] == [2, 4]
    address = f"/imports/{checked['id']}"

    document = problem_of(buyer.post(f"{address}/start", {}), 409)
    assert (document["code"], checked["not_ready"]) == ("import_not_ready", document["detail"])
    assert buyer.patch(address, {"mode": "good_rows"}).json()["not_ready"] == ""
    assert buyer.post(f"{address}/start", {}).status_code == 200


def test_columns_can_be_assigned_by_hand(buyer):
    checked = buyer.post("/imports", form(b"Wer;Land\nHansa;DE\n"), format="multipart").json()
    assert checked["missing_columns"] == ["name or code or external_ref"]

    assigned = buyer.patch(f"/imports/{checked['id']}", {"columns": ["name", "country"]}).json()

    assert (assigned["missing_columns"], assigned["foreseen_new"]) == ([], 1)


@pytest.mark.parametrize(
    ("content", "name", "status"),
    [
        (b"", "a.csv", 415), (b"x", "a.exe", 415), (b"a\0b;c\n1;2\n", "a.csv", 415), (b"PK\x03\x04", "a.xlsx", 415),
        (b"Name\n", "a.csv", 415), (b"a;" * 1000, "a.csv", 413),
    ],
)  # fmt: skip
def test_what_is_no_table_is_refused_and_leaves_nothing(buyer, problem_of, content, name, status):
    problem_of(buyer.post("/imports", form(content, name=name), format="multipart"), status)

    assert not ImportJob.objects.exists()


def test_a_repeated_key_checks_a_file_once(buyer):
    answers = [buyer.post("/imports", form(), format="multipart", headers={"Idempotency-Key": "k-1"}) for _ in range(2)]

    assert [each.status_code for each in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert ImportJob.objects.count() == 1


def test_each_kind_is_imported_by_who_writes_its_records(api, problem_of):
    table = b"Supplier;Severity;Description\nHansa;low;Scratch\n"
    problem_of(api("procurement").post("/imports", form(table) | {"kind": "cases"}, format="multipart"), 403)
    refused = problem_of(api("quality").post("/imports", form(), format="multipart"), 403)
    assert refused["detail"] == "Your role is quality. This may be done by procurement or admin."
    problem_of(api("auditor").post("/imports", form(), format="multipart"), 403)
    assert api("quality").post("/imports", form(table) | {"kind": "cases"}, format="multipart").status_code == 201
    document = problem_of(api("admin").post("/imports", form() | {"kind": "people"}, format="multipart"), 400)
    assert document["code"] == "unknown_kind"


def test_a_stale_version_is_412_and_what_has_ended_stays(buyer, problem_of):
    checked = buyer.post("/imports", form(), format="multipart").json()
    address = f"/imports/{checked['id']}"

    problem_of(buyer.post(f"{address}/cancel", {}, headers={"If-Match": '"9"'}), 412)
    assert buyer.post(f"{address}/cancel", {}).json()["status"] == "cancelled"
    assert problem_of(buyer.post(f"{address}/start", {}), 409)["code"] == "import_has_started"
    problem_of(buyer.post("/imports/999999/start", {}), 404)
