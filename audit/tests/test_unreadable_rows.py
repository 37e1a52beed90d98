"""What somebody with the right to insert can put into the trail: no list, page or panel fails of it."""

from __future__ import annotations

import json

import pytest
from django.db import connection, transaction
from django.test import Client

from audit.models import AuditEntry
from audit.services import record
from qhse.uuid7 import uuid7

pytestmark = pytest.mark.django_db

COLUMNS = (
    "created_at, actor, actor_salt, actor_digest, actor_role, action, entity_type, entity_id, changes, reason, source, "
    "request_id, client_address, uid, mark"
)
TIMES = ["infinity"]
DOCUMENTS = {
    "5,000 digits": '{"due": [null, ' + "9" * 5_000 + "]}",
    "400 digits and a fraction": '{"due": [null, ' + "9" * 400 + ".5]}",
    "900 levels": '{"due": [null, ' + "[" * 900 + "]" * 900 + "]}",
    "a list": "[1]",
    "a text": '"x"',
    "null": "null",
    "no pair": '{"due": 7}',
    "three values": '{"due": [1, 2, 3]}',
    "two letters": '{"due": "ab"}',
}
if connection.vendor == "postgresql":  # SQLite takes no JSON of so many levels, and any text for a time
    TIMES += ["-infinity", "0001-01-01 BC", "294276-12-31"]
    DOCUMENTS["2 megabytes"] = '{"due": [null, "' + "x" * 2_000_000 + '"]}'
    DOCUMENTS["3,000 levels"] = '{"due": ' + "[" * 3_000 + "]" * 3_000 + "}"


def insert(
    supplier_id: int, *, changes: str = "{}", created_at: str = "2026-01-01 00:00:00+00", reason: str = ""
) -> int:
    """Insert an entry as a stranger does, and return its id."""
    uid = str(uuid7())
    row = (
        created_at, "mallory", "", "", "admin", "AUDIT_TRAIL_VERIFIED", "supplier", str(supplier_id), changes, reason,
        "api", "", "", uid if connection.vendor == "postgresql" else uid.replace("-", ""), "",
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO audit_auditentry ({COLUMNS}) VALUES ({', '.join(['%s'] * len(row))})", row)
    found: int = AuditEntry.objects.order_by("-pk").values_list("pk", flat=True)[0]
    return found


@pytest.fixture
def assert_shown(api, users):
    def look(supplier_id: int, pk: int) -> None:
        for path in ("/audit-log", f"/suppliers/{supplier_id}/timeline"):
            answer = api("auditor").get(path)
            assert answer.status_code == 200
            shown = json.loads(answer.content)["results"]
            assert pk in {entry["id"] for entry in shown}
            assert all(len(pair) == 2 for entry in shown for pair in entry["changes"].values())
        browser = Client()
        browser.force_login(users["admin"])
        for path in (
            "/admin/audit/auditentry/", f"/admin/audit/auditentry/{pk}/change/",
            f"/admin/suppliers/supplier/{supplier_id}/change/",
        ):  # fmt: skip
            assert browser.get(path).status_code == 200, path
        assert browser.post("/admin/audit/auditentry/verify/").status_code == 302

    return look


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_document_of_any_kind_is_shown_as_well_as_it_can_be(make_supplier, assert_shown, document):
    supplier = make_supplier()

    assert_shown(supplier.pk, insert(supplier.pk, changes=DOCUMENTS[document]))


@pytest.mark.parametrize("time", TIMES)
def test_a_time_that_is_none_is_shown_as_none(make_supplier, assert_shown, time):
    supplier = make_supplier()

    assert_shown(supplier.pk, insert(supplier.pk, created_at=time))


def test_many_of_them_do_not_hide_what_was_verified(make_supplier, assert_shown):
    supplier = make_supplier()
    for _ in range(20):
        pk = insert(supplier.pk, changes="null")

    assert_shown(supplier.pk, pk)


@pytest.mark.postgres
def test_a_text_of_megabytes_is_not_even_sent(make_supplier, assert_shown):
    supplier = make_supplier()
    pk = insert(supplier.pk, reason="x" * 5_000_000)

    assert AuditEntry.objects.get(pk=pk).reason is None
    assert_shown(supplier.pk, pk)


def test_nothing_is_written_that_could_not_be_read_again(db):
    with pytest.raises(ValueError, match="at most 200,000"), transaction.atomic():
        record(actor=None, action="X", entity_type="y", entity_id=1, changes={"due": (None, "x" * 200_000)})
