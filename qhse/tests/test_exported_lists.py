"""Every list of the API as a file: the same rows as its pages, for the same people, under the same filters."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from typing import Any

import pytest
from django.core.signals import request_finished
from django.db import close_old_connections
from django.utils import timezone

from audit.models import AuditEntry, ReviewStamp, TrailVerification
from ncs.services import open_action
from outbox.webhooks.fanout import spread
from outbox.webhooks.services import create_webhook
from qhse.api.openapi.routes import api_routes
from qhse.api.requests.negotiation import export_form
from qhse.attachments.services import attach
from qhse.exchange.tests.previews import previewed
from qhse.exporting import exports
from qhse.exporting.exports import CSV_TYPE, XLSX_TYPE, Form
from qhse.exporting.tests.sheets import cells_of, values_of
from qhse.exporting.tests.test_cells import RUN
from suppliers.models import Supplier
from suppliers.reassessment import reassess_suppliers
from suppliers.services import set_volume

pytestmark = pytest.mark.django_db

EVERY_LIST = sorted(route.path for route in api_routes() if route.action == "list")


@pytest.fixture
def world(users, make_nc, make_certificate):
    """Some records of each kind."""
    nc = make_nc(description='Bore "A"; 12.08 mm,\nline 2', severity="high")
    make_nc(severity="low", description="=1+1")
    action = open_action(nc_id=nc.pk, kind="corrective", title="New tool", actor=users["quality"])
    for name in ("a.txt", "b.txt"):
        attach(entity_type="nonconformity", entity_id=str(nc.pk), name=name, content=io.BytesIO(b"12.08 mm"),
               actor=users["quality"])  # fmt: skip
    certificate = make_certificate()
    for month in (4, 5):
        figures = {"month": date(2026, month, 1), "received_qty": 500, "defective_qty": 1}
        set_volume(supplier_id=nc.supplier_id, **figures, actor=users["procurement"])
    for name in ("a.csv", "b.csv"):
        table = {"kind": "suppliers", "name": name, "content": b"Name;Country\nHansa;DE\n"}
        previewed(**table, mode="good_rows", actor=users["procurement"])
    reassess_suppliers(supplier_ids=[nc.supplier_id])
    for note in ("No objection", "=1+1"):
        ReviewStamp.objects.create(seal=1, seal_hash="0" * 64, note=note, reviewed_by=users["auditor"])
        TrailVerification.objects.create(state="done", finished_at=timezone.now(), started_by=users["auditor"])
    webhook, _ = create_webhook(url="https://erp.example.com/", event_types=["*"], actor=users["admin"])
    make_nc(description="Delivered in the wrong box")
    spread()
    return {
        "<int:webhook_id>": webhook.pk,
        "<int:supplier_id>": nc.supplier_id, "<int:nc_id>": nc.pk, "<int:action_id>": action.pk,
        "<int:certificate_id>": certificate.pk,
    }  # fmt: skip


def address(path: str, world: dict[str, Any]) -> str:
    for placeholder, value in world.items():
        path = path.replace(placeholder, str(value))
    assert "<" not in path, "name a record for this list in `world`"
    return f"{path}?entity_type=nonconformity&entity_id={world['<int:nc_id>']}" if path == "/attachments" else path


def flat(row: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """Return a row as the file has it, worked out anew."""
    found = {}
    for name, value in row.items():
        if isinstance(value, dict) and name == "metadata":
            found |= flat(value, f"{prefix}{name}.")
        elif name == "override":  # none of these records has one
            found |= dict.fromkeys((f"override.{part}" for part in ("level", "reason", "until", "by_id")), "")
        elif isinstance(value, dict | list):
            found[prefix + name] = json.dumps(value, ensure_ascii=False)
        elif isinstance(value, bool):
            found[prefix + name] = "true" if value else "false"
        else:
            text = "" if value is None else str(value)
            found[prefix + name] = f"'{text}" if text.startswith("=") else text
    return found


def taken(client, url: str, form: str = CSV_TYPE) -> bytes:
    response = client.get(url, HTTP_ACCEPT=form)
    assert response.status_code == 200, response
    assert response["Content-Type"].startswith(form)
    return b"".join(response)


def rows_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


@pytest.mark.parametrize("path", EVERY_LIST)
class TestEveryList:
    def test_leaves_with_the_rows_and_columns_of_its_pages(self, path, api, world, monkeypatch):
        monkeypatch.setattr(exports, "PIECE", 2)
        client, url = api("admin"), address(path, world)
        page = client.get(f"{url}{'&' if '?' in url else '?'}limit=100").json()["results"]
        assert page

        found = rows_of(taken(client, url))

        # The export of the trail has its own beginning in it.
        assert found[-len(page) :] == [flat(row) for row in page]

    def test_is_the_same_in_a_spreadsheet(self, path, api, world):
        client, url = api("admin"), address(path, world)
        page = client.get(f"{url}{'&' if '?' in url else '?'}limit=100").json()["results"]

        heading, *rows = values_of(taken(client, url, XLSX_TYPE))

        assert heading == list(flat(page[0]))
        assert len(rows) == len(page)

    def test_takes_no_part_of_itself_for_the_whole(self, path, api, world, problem_of):
        url = address(path, world)

        for page in ("limit=1", "offset=1", "after=1"):
            problem = problem_of(
                api("admin").get(f"{url}{'&' if '?' in url else '?'}{page}", HTTP_ACCEPT=CSV_TYPE), 400
            )
            assert problem["errors"][0]["field"] == page.partition("=")[0]
            assert problem["errors"][0]["code"] in ("not_in_an_export", "unknown_parameter")

    def test_refuses_what_its_pages_refuse(self, path, api, world, problem_of):
        client, url = api("admin"), address(path, world)

        assert problem_of(client.get(f"{url}{'&' if '?' in url else '?'}x=1", HTTP_ACCEPT=CSV_TYPE), 400)
        for who in ("quality", "procurement", "auditor"):
            asked, exported = (api(who).get(url, HTTP_ACCEPT=form) for form in ("application/json", CSV_TYPE))
            assert asked.status_code == exported.status_code

    def test_tells_a_head_what_would_come_and_sends_and_records_nothing(self, path, api, world):
        response = api("admin").head(address(path, world), HTTP_ACCEPT=XLSX_TYPE)

        assert (response.status_code, response["Content-Type"], response.streaming) == (200, XLSX_TYPE, False)
        assert response.content == b""
        assert not AuditEntry.objects.filter(entity_type="list").exists()

    def test_says_its_forms_in_the_document(self, path, anonymous):
        route = path.replace("<int:", "{").replace(">", "}")

        operation = anonymous.get("/openapi.json").json()["paths"][route]["get"]

        assert set(operation["responses"]["200"]["content"]) == {"application/json", CSV_TYPE, XLSX_TYPE}


class TestFiltersAndOrder:
    def test_hold_for_the_file_as_for_the_page(self, api, world):
        client = api("auditor")

        assert [row["severity"] for row in rows_of(taken(client, "/ncs?severity=high"))] == ["high"]
        assert [row["description"] for row in rows_of(taken(client, "/ncs?search=bore"))] == [
            'Bore "A"; 12.08 mm,\nline 2'
        ]
        assert rows_of(taken(client, "/ncs?status=CLOSED")) == []
        names = [row["name"] for row in rows_of(taken(client, "/suppliers?ordering=-name"))]
        assert names == list(Supplier.objects.order_by("-name_order").values_list("name", flat=True))

    def test_stand_in_the_trail(self, api, world):
        taken(api("auditor"), "/ncs?severity=high&search=bore")

        entry = AuditEntry.objects.get(action="LIST_EXPORTED")
        assert (entry.entity_id, entry.source) == ("ncs", "api")
        assert entry.changes["filter"] == [None, {"severity": "high", "search": "bore"}]


class TestAccept:
    @pytest.mark.parametrize("accept", [
        "", "*/*", "text/*", "text/html,application/xhtml+xml,*/*;q=0.8", "application/json", "text/csv;q=0",
        "text/csvx", "application/json, text/csv", "text/csv;q=0.5, application/json", "text/csv;q=x", "text/csv;q=2",
        ", ,;q=1", "q=1", "application/vnd.ms-excel",
    ])  # fmt: skip
    def test_of_clients_that_name_no_file_is_answered_as_ever(self, accept, api, make_nc):
        make_nc()

        assert export_form(accept) is None
        assert api("quality").get("/ncs", HTTP_ACCEPT=accept).json()["count"] == 1

    @pytest.mark.parametrize(("accept", "form"), [
        ("text/csv", Form.CSV), ("TEXT/CSV; charset=utf-8", Form.CSV), ("text/csv, */*;q=0.1", Form.CSV),
        ("text/csv, application/json;q=0.9", Form.CSV), (XLSX_TYPE, Form.XLSX),
        (f"text/csv;q=0.5,{XLSX_TYPE}", Form.XLSX), (f"text/csv, {XLSX_TYPE};q=0.9", Form.CSV),
        ("text/csv, */*", Form.CSV),
    ])  # fmt: skip
    def test_that_names_a_file_gets_it(self, accept, form):
        assert export_form(accept) is form

    def test_means_nothing_where_there_is_no_list(self, api, make_nc):
        nc = make_nc()

        for path in (f"/ncs/{nc.pk}", "/kpi", "/auth/me"):
            assert api("quality").get(path, HTTP_ACCEPT=CSV_TYPE)["Content-Type"] == "application/json"


class TestHostileTexts:
    def test_are_run_by_no_spreadsheet_whatever_they_begin_with(self, api, make_nc):
        for text in RUN:
            make_nc(description=f"{text} x")

        told = [row["description"] for row in rows_of(taken(api("auditor"), "/ncs"))]
        described = [row[5] for row in cells_of(taken(api("auditor"), "/ncs", XLSX_TYPE))[1:]]

        assert len(told) == len(described) == len(RUN)
        assert not [text for text in told if text.lstrip()[0] in "=+-@＝＋－＠"]
        assert all(cell.kind == "inlineStr" for cell in described)
        assert [cell.value for cell in described if not cell.is_quoted] == ["text x"]  # without its tab


class TestTwoAtOnce:
    def test_are_refused_by_a_problem_that_says_when_to_ask_again(self, api, users, make_nc, monkeypatch, problem_of):
        monkeypatch.setattr(exports, "PIECE", 1)
        make_nc(), make_nc()
        client = api("auditor")
        running = client.get("/ncs", HTTP_ACCEPT=CSV_TYPE)

        refused = client.get("/suppliers", HTTP_ACCEPT=CSV_TYPE)

        assert problem_of(refused, 429)["code"] == "too_many_exports"
        assert int(refused["Retry-After"]) > 0
        assert len(rows_of(b"".join(running))) == 2
        assert len(rows_of(taken(client, "/suppliers"))) == 2

    def test_too_many_rows_for_a_spreadsheet_are_a_problem(self, api, make_nc, monkeypatch, problem_of):
        monkeypatch.setattr(exports, "MOST_ROWS", 1)
        make_nc(), make_nc()

        assert problem_of(api("auditor").get("/ncs", HTTP_ACCEPT=XLSX_TYPE), 406)["code"] == "too_many_rows"


def test_the_turn_of_a_person_is_given_back_whatever_the_reader_does(users, api, make_nc, monkeypatch):
    monkeypatch.setattr(exports, "PIECE", 1)
    make_nc(), make_nc()
    response = api("auditor").get("/ncs", HTTP_ACCEPT=CSV_TYPE)

    request_finished.disconnect(close_old_connections)  # the client lets it end the connection of the test
    try:
        response.close()
    finally:
        request_finished.connect(close_old_connections)

    assert AuditEntry.objects.get(action="LIST_EXPORTED").changes["complete"] == [None, False]
    assert len(rows_of(taken(api("auditor"), "/ncs"))) == 2
