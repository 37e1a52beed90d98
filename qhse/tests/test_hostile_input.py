"""Bad bodies: every writing route refuses every one with a 4xx problem, and nothing is left behind."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pytest
from django.conf import settings
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ncs.services import open_action
from outbox.choices import EventStatus
from outbox.models import OutboxEvent
from outbox.webhooks.fanout import spread
from outbox.webhooks.services import create_webhook
from qhse.api.openapi.routes import api_routes
from qhse.attachments.services import attach
from qhse.exchange.tests.previews import previewed
from suppliers.models import Supplier
from suppliers.names import name_key

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Write:
    """A writing route with a body that it would accept; `kinds` says what each field is."""

    method: str
    path: str
    body: Mapping[str, Any]
    kinds: Mapping[str, str]
    optional: frozenset[str] = frozenset()


BORE = "Lot 4711: bore diameter 12.08 mm"
DETAILS = {
    "system": "safety", "category": "material", "detected_on": "2026-01-31", "detected_at": "final",
    "part_no": "4711-B",
    "lot_no": "L 7", "po_ref": "45000", "qty_received": 100, "qty_defective": 3, "due_on": "2029-06-30",
}  # fmt: skip
KINDS = {
    "system": "choice", "category": "optional choice", "detected_on": "day or null", "detected_at": "optional choice",
    "part_no": "text", "lot_no": "text", "po_ref": "text", "qty_received": "pieces or null",
    "qty_defective": "pieces or null", "due_on": "day",
}  # fmt: skip
SUPPLIER = {
    "external_ref": "4711", "country": "DE", "category": "material", "criticality": "A", "contact_name": "Anna Weiss",
    "contact_email": "anna@example.com", "required_standards": ["iso_9001"], "next_review_on": "2029-06-30",
}  # fmt: skip
SUPPLIER_KINDS = {
    "external_ref": "text", "country": "text", "category": "optional choice", "criticality": "choice",
    "contact_name": "text", "contact_email": "text", "required_standards": "choices", "next_review_on": "day or null",
}  # fmt: skip
CERTIFICATE = {
    "standard": "iso_9001", "edition": "2015", "number": "12 100 4711", "issuer": "TÜV Nord Cert",
    "accreditation_body": "DAkkS", "scope": "Forging", "sites": "Hagen", "valid_from": "2026-07-01",
    "valid_to": "2029-06-30", "last_surveillance_on": "2026-08-01", "supersedes": None,
}  # fmt: skip
CERTIFICATE_KINDS = {
    "standard": "choice", "edition": "text", "number": "text", "issuer": "text", "accreditation_body": "text",
    "scope": "text", "sites": "text", "valid_from": "day", "valid_to": "day", "last_surveillance_on": "day or null",
    "supersedes": "id or null",
}  # fmt: skip
CERTIFICATE_OPTIONAL = frozenset(
    {"edition", "accreditation_body", "scope", "sites", "last_surveillance_on", "supersedes"}
)
WRITES = (
    Write("POST", "/auth/login", {"username": "x", "password": "y"}, {"username": "text", "password": "text"}),
    Write("POST", "/auth/refresh", {"refresh_token": "a.b.c"}, {"refresh_token": "text"}),
    Write("POST", "/auth/logout", {"refresh_token": "a.b.c"}, {"refresh_token": "text"}),
    Write(
        "POST",
        "/suppliers",
        {"name": "Hansa Forge", "certification_expiry": "2029-06-30", **SUPPLIER},
        {"name": "text", "certification_expiry": "day or null", **SUPPLIER_KINDS},
        frozenset({"certification_expiry", *SUPPLIER}),
    ),
    Write(
        "PATCH",
        "/suppliers/<int:supplier_id>",
        {"name": "Hansa Forge", **SUPPLIER, "reason": "Misread"},
        {"name": "text", **SUPPLIER_KINDS, "reason": "text"},
        frozenset({"name", *SUPPLIER}),
    ),
    Write(
        "POST",
        "/suppliers/<int:supplier_id>/status",
        {"status": "conditional", "reason": "First delivery"},
        {"status": "choice", "reason": "text"},
        frozenset({"reason"}),
    ),
    Write(
        "POST",
        "/suppliers/<int:supplier_id>/merge",
        {"into_id": 1, "reason": "Recorded twice"},
        {"into_id": "id", "reason": "text"},
    ),
    Write(
        "PATCH",
        "/suppliers/<int:supplier_id>/certification",
        {"certification_expiry": "2029-06-30", "reason": "Renewed"},
        {"certification_expiry": "day or null", "reason": "text"},
        frozenset({"reason"}),
    ),
    Write(
        "POST",
        "/certificates",
        {"supplier_id": 1, **CERTIFICATE},
        {"supplier_id": "id", **CERTIFICATE_KINDS},
        CERTIFICATE_OPTIONAL,
    ),
    Write(
        "PATCH",
        "/certificates/<int:certificate_id>",
        {**CERTIFICATE, "reason": "Misread"},
        {**CERTIFICATE_KINDS, "reason": "text"},
        frozenset(CERTIFICATE),
    ),
    Write(
        "PATCH",
        "/certificates/<int:certificate_id>/verify",
        {"method": "register", "ref": "Page 7"},
        {"method": "choice", "ref": "text"},
        frozenset({"ref"}),
    ),
    Write("PATCH", "/certificates/<int:certificate_id>/reject", {"reason": "Forged"}, {"reason": "text"}),
    Write("PATCH", "/certificates/<int:certificate_id>/withdraw", {"reason": "Suspended"}, {"reason": "text"}),
    Write(
        "POST",
        "/suppliers/<int:supplier_id>/risk/override",
        {"level": None, "reason": "Audited", "until": None},
        {"level": "level or null", "reason": "text", "until": "day or null"},
        frozenset({"until"}),
    ),
    Write(
        "POST",
        "/ncs",
        {"supplier_id": 1, "severity": "low", "description": BORE, **DETAILS, "owner_id": None},
        {"supplier_id": "id", "severity": "choice", "description": "text", **KINDS, "owner_id": "id or null"},
        frozenset({*DETAILS, "owner_id"}),
    ),
    Write(
        "PATCH",
        "/ncs/<int:nc_id>",
        {
            "supplier_id": 1,
            "severity": "low",
            "description": BORE,
            **DETAILS,
            "customer_informed_on": "2026-01-31",
            "cost": "12.50",
            "repeat_of": None,
            "reason": "Misread",
        },
        {
            "supplier_id": "id",
            "severity": "choice",
            "description": "text",
            **KINDS,
            "customer_informed_on": "day or null",
            "cost": "amount or null",
            "repeat_of": "id or null",
            "reason": "text",
        },
        frozenset({"supplier_id", "severity", "description", *DETAILS, "customer_informed_on", "cost", "repeat_of"}),
    ),
    Write(
        "PATCH",
        "/ncs/<int:nc_id>/assign",
        {"owner_id": None, "due_on": "2029-06-30", "reason": "Late"},
        {"owner_id": "id or null", "due_on": "day", "reason": "text"},
        frozenset({"due_on", "reason"}),
    ),
    Write("PATCH", "/ncs/<int:nc_id>/contain", {"containment": "Lot blocked"}, {"containment": "text"}),
    Write(
        "PATCH",
        "/ncs/<int:nc_id>/analyse",
        {"cause_code": "method", "root_cause": "No plan"},
        {"cause_code": "choice", "root_cause": "text"},
    ),
    Write(
        "PATCH",
        "/ncs/<int:nc_id>/dispose",
        {"disposition": "scrap", "disposition_qty": 3, "reason": "Cracked"},
        {"disposition": "choice", "disposition_qty": "pieces or null", "reason": "text"},
        frozenset({"disposition_qty"}),
    ),
    Write("PATCH", "/ncs/<int:nc_id>/concede", {"reason": "Allowed"}, {"reason": "text"}),
    Write(
        "PATCH",
        "/ncs/<int:nc_id>/close",
        {"reason": "Lot sorted", "closure_code": "corrected", "override": False},
        {"reason": "text", "closure_code": "choice", "override": "true or false"},
        frozenset({"reason", "closure_code", "override"}),
    ),
    Write(
        "POST",
        "/audit-log/reviews",
        {"seal": 1, "note": "No objection"},
        {"seal": "id", "note": "text"},
    ),
    Write("POST", "/audit-log/verifications", {}, {}),
    Write("PATCH", "/ncs/<int:nc_id>/reopen", {"reason": "Again"}, {"reason": "text"}),
    Write("PATCH", "/ncs/<int:nc_id>/void", {"reason": "Wrong gauge"}, {"reason": "text"}),
    Write(
        "POST",
        "/ncs/<int:nc_id>/actions",
        {"kind": "corrective", "title": "New tool", "owner_id": None, "contact": "Anna Weiss", "due_on": "2029-06-30"},
        {"kind": "choice", "title": "text", "owner_id": "id or null", "contact": "text", "due_on": "day"},
        frozenset({"owner_id", "contact", "due_on"}),
    ),
    Write(
        "PATCH",
        "/actions/<int:action_id>",
        {"title": "New tool", "owner_id": None, "contact": "Anna Weiss", "due_on": "2029-06-30", "reason": "Late"},
        {"title": "text", "owner_id": "id or null", "contact": "text", "due_on": "day", "reason": "text"},
        frozenset({"title", "owner_id", "contact", "due_on", "reason"}),
    ),
    Write("PATCH", "/actions/<int:action_id>/start", {}, {}),
    Write(
        "PATCH", "/actions/<int:action_id>/complete", {"note": "Done"}, {"note": "text"}, optional=frozenset({"note"})
    ),
    Write(
        "PATCH",
        "/actions/<int:action_id>/verify",
        {"effective": True, "note": "Looked"},
        {"effective": "true or false", "note": "text"},
    ),
    Write("PATCH", "/actions/<int:action_id>/cancel", {"reason": "No use"}, {"reason": "text"}),
    Write("PATCH", "/attachments/<int:attachment_id>/void", {"reason": "Another lot"}, {"reason": "text"}),
    Write("POST", "/outbox/events/<uuid:event_id>/requeue", {"reason": "Mended"}, {"reason": "text"}),
    Write("POST", "/outbox/events/<uuid:event_id>/dismiss", {"reason": "A test import"}, {"reason": "text"}),
)
WRITES += (
    Write(
        "PUT",
        "/suppliers/<int:supplier_id>/volumes/<str:month>",
        {"received_qty": 500, "defective_qty": 1, "received_lots": 3, "rejected_lots": 1, "late_lots": 1,
         "reason": "x"},
        {"received_qty": "number", "defective_qty": "number", "received_lots": "number", "rejected_lots": "number",
         "late_lots": "number", "reason": "text"},
        frozenset({"received_lots", "rejected_lots", "late_lots", "reason"}),
    ),
    Write(
        "PATCH", "/imports/<int:import_id>", {"mode": "good_rows"}, {"mode": "choice"}, frozenset({"mode"}),
    ),
    Write("POST", "/imports/<int:import_id>/start", {}, {}),
    Write("POST", "/imports/<int:import_id>/cancel", {}, {}),
    Write(
        "POST", "/webhooks", {"url": "https://erp.example.com/", "event_types": ["*"], "description": "ERP"},
        {"url": "text", "event_types": "choices", "description": "text"}, frozenset({"description"}),
    ),
    Write(
        "PATCH", "/webhooks/<int:webhook_id>",
        {"url": "https://erp.example.com/", "event_types": ["*"], "description": "ERP", "is_active": True,
         "reason": "x"},
        {"url": "text", "event_types": "choices", "description": "text", "is_active": "true or false",
         "reason": "text"},
        frozenset({"url", "event_types", "description", "is_active", "reason"}),
    ),
    Write(
        "POST", "/webhooks/<int:webhook_id>/secret", {"reason": "Yearly"}, {"reason": "text"}, frozenset({"reason"}),
    ),
    Write(
        "POST", "/webhooks/<int:webhook_id>/deliveries/<int:delivery_id>/retry", {"reason": "Mended"},
        {"reason": "text"}, frozenset({"reason"}),
    ),
)  # fmt: skip
# It takes a form, and nothing of what is tried here: qhse/attachments/tests/test_api.py.
TAKES_A_FORM = {("POST", "/attachments"), ("POST", "/imports")}
WRITES_OF_CLOSE = next(place for place, write in enumerate(WRITES) if write.path.endswith("/close"))
WRITES_OF_NCS = next(place for place, write in enumerate(WRITES) if write.path == "/ncs")
every_write = pytest.mark.parametrize("write", WRITES, ids=lambda write: f"{write.method} {write.path}")

NOT_A_TEXT = (0, 1, -1, 1.5, True, False, None, [], ["x"], {}, {"x": 1}, 10**60, 1e300)
NO_NUMBER = ("1", "", "x", "１", 1.0, 1.5, True, False, [], [1], {}, -1, 10**18, 10**19, 2**63, -(2**63), 10**60, 1e300)
NO_CHOICE = (*NOT_A_TEXT, " ", "LOW", "low ", "lo", "low\n", "critical", "lоw", "低")
NO_DAY = (
    0, 1, 1.5, True, False, [], {}, ["2029-06-30"], 20290630, 1e10, "", " ", "soon", "0000-00-00", "0000-01-01",
    "0001-01-01", "1979-12-31", "2200-01-01", "9999-12-31", "10000-01-01", "-2029-06-30", "2027-02-29",
    "2029-02-30", "2029-04-31", "2029-13-01", "2029-00-10", "2029-06-00", "2029-6-30", "29-06-30",
    "20290630", "2029-W26-6", "2029-181", "30.06.2029", "06/30/2029", "2029/06/30",
    "2029-06-30T00:00:00", "2029-06-30T00:00:00Z", "2029-06-30 ", " 2029-06-30", "2029-06-30\n",
    "２０２９-06-30", "٢٠٢٩-٠٦-٣٠", "2029-06-3０", "2029‑06‑30", "today", "null", "NaN", "9" * 5000,
)  # fmt: skip
WRONG: dict[str, tuple[Any, ...]] = {
    "text": NOT_A_TEXT,
    "id": (*NO_NUMBER, 0, None),
    "id or null": (*NO_NUMBER, 0),
    "number": (*NO_NUMBER, None),
    "pieces or null": NO_NUMBER,
    "amount or null": (
        "", " ", "x", "１", True, False, [], {}, -1, -0.01, "1,50", "1_0", "1e3", "12.505", 12.505, "Infinity", "NaN",
        10**60, 1e300, "9" * 5000, "+1", " 1", "0x1",
    ),
    "true or false": (0, 1, "true", "yes", "", None, [], {}, 1.0),
    "choice": (*NO_CHOICE, ""),
    "optional choice": NO_CHOICE,
    "choices": (
        0, 1.5, True, None, {}, {"0": "iso_9001"}, "", "iso_9001", [None], [0], [""], ["ISO 9001"], [["iso_9001"]],
        [{}], ["iso_9001"] * 100, ["iso_9001", "x"],
    ),
    "level or null": (*(each for each in NO_CHOICE if each is not None and each != "critical"), ""),
    "day or null": NO_DAY,
    "day": (*NO_DAY, None),
}  # fmt: skip

# Not one of these is a JSON document in UTF-8 that has one meaning.
NO_DOCUMENT = {
    "white space": b" \n", "nul": b"nul", "open brace": b"{", "close brace": b"}", "open bracket": b"[",
    "a quote": b'"', "a key": b'{"a"', "no value": b'{"a":}', "no key": b"{:1}", "truncated": b'{"a": "b',
    "truncated literal": b'{"a": tru', "trailing comma": b'{"a": 1,}', "trailing comma in a list": b"[1,]",
    "two documents": b"{}{}", "text behind": b"{} x", "NUL behind": b"{}\x00", "single quotes": b"{'a': 1}",
    "no quotes": b"{a: 1}", "a comment": b"{} // x", "a block comment": b"/* x */ {}", "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": Infinity}', "-Infinity": b'{"a": -Infinity}', "1e400": b'{"a": 1e400}',
    "-1e400": b'{"a": -1e400}',
    "undefined": b'{"a": undefined}', "leading zero": b'{"a": 01}', "plus": b'{"a": +1}', "bare point": b'{"a": .5}',
    "ending point": b'{"a": 1.}', "hexadecimal": b'{"a": 0x10}', "5,000 digits": b'{"a": ' + b"9" * 5000 + b"}",
    "a raw line break": b'{"a": "\n"}', "a raw NUL": b'{"a": "\x00"}', "a raw escape": b'{"a": "\x1b"}',
    "bad escape": rb'{"a": "\x41"}', "short escape": rb'{"a": "\u12"}', "signed escape": rb'{"a": "\u+123"}',
    "a form": b"a=1&b=2", "XML": b"<a/>", "YAML": b"a: 1", "pickle": b"\x80\x04N.",
    "bad UTF-8": b'{"a": "\xff"}', "cut UTF-8": b'{"a": "\xc3"}', "overlong NUL": b'{"a": "\xc0\x80"}',
    "a raw surrogate": b'{"a": "\xed\xa0\x80"}', "past Unicode": b'{"a": "\xf5\x80\x80\x80"}',
    "latin-1": '{"a": "ä"}'.encode("latin-1"),
    "BOM": b"\xef\xbb\xbf{}", "UTF-16 LE": '{"a": 1}'.encode("utf-16-le"), "UTF-16 BE": '{"a": 1}'.encode("utf-16-be"),
    "UTF-16 with BOM": '{"a": 1}'.encode("utf-16"), "UTF-32": '{"a": 1}'.encode("utf-32"), "gzip": gzip.compress(b"{}"),
    "NUL in a key": rb'{"a\u0000": 1}', "NUL in a text": rb'{"a": "\u0000"}', "NUL in a list": rb'{"a": ["\u0000"]}',
    "a lone high surrogate": rb'{"a": "\ud800"}', "a lone low surrogate": rb'{"a": "x\udfffx"}',
    "surrogates swapped": rb'{"a": "\udc00\ud800"}', "a surrogate in a key": rb'{"\ud800": 1}',
    "a surrogate in a list": rb'{"a": [["\ud800"]]}', "a key twice": b'{"a": 1, "a": 1}',
    "a key twice, once escaped": rb'{"a": 1, "\u0061": 2}', "a key twice inside": b'{"x": {"a": 1, "a": 2}}',
}  # fmt: skip
NO_OBJECT = (b"[]", b"[{}]", b'"text"', b'""', b"null", b"true", b"0", b"-1", b"1.5")
NESTED = {
    f"{depth:,} {kind}{', open' * (not closed)}": opening * depth + b"1" + closing * depth * closed
    for kind, opening, closing in (("arrays", b"[", b"]"), ("objects", b'{"a":', b"}"))
    for depth in (33, 1_000, 100_000)
    for closed in (True, False)
}
CONTENT_TYPES = (
    "", "text/plain", "text/json", "application/jsonp", "application/json-patch+json", "application/merge-patch+json",
    "application/problem+json", "application/x-www-form-urlencoded", "multipart/form-data",
    "multipart/form-data; boundary=", "multipart/form-data; boundary=x", "application/xml",
    "application/octet-stream", "application", "/", "json", "*/*", "application/*",
    "application/json,application/json", "application/json/x", "x" * 10_000,
)  # fmt: skip


@pytest.fixture
def send(api, users, make_nc, make_certificate) -> Callable[..., Any]:
    """Send a body to a writing route as an administrator, with records behind its placeholders."""
    nc = make_nc()
    event = OutboxEvent.objects.latest("id")
    OutboxEvent.objects.filter(pk=event.pk).update(status=EventStatus.DEAD)
    file = {"name": "note.txt", "content": BytesIO(b"12.08 mm"), "actor": users["quality"]}
    table = {"kind": "suppliers", "name": "a.csv", "content": b"Name;Country\nHansa;DE\n"}
    webhook, _ = create_webhook(url="https://erp.example.com/", event_types=["*"], actor=users["admin"])
    other = make_nc()
    spread()
    ids = {
        "<int:webhook_id>": webhook.pk,
        "<int:delivery_id>": webhook.deliveries.first().pk,
        "<str:month>": "2026-05",
        "<int:import_id>": previewed(**table, mode="all_or_nothing", actor=users["admin"]).pk,
        "<int:attachment_id>": attach(entity_type="nonconformity", entity_id=str(nc.pk), **file).pk,
        "<int:certificate_id>": make_certificate().pk,
        "<int:supplier_id>": nc.supplier_id, "<int:nc_id>": nc.pk, "<uuid:event_id>": event.event_id,
        "<int:action_id>": open_action(nc_id=other.pk, kind="containment", title="Sort", actor=users["quality"]).pk,
    }  # fmt: skip
    client = api("admin")

    def send_one(write: Write, body: Any, content_type: str = "application/json", **headers: str) -> Any:
        path = write.path
        for placeholder, value in ids.items():
            path = path.replace(placeholder, str(value))
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return client.generic(write.method, path, data, content_type=content_type, **headers)

    return send_one


@pytest.fixture
def refused(send, problem_of, row_counts) -> Callable[..., dict[str, Any]]:
    """Send a body, and check that it is refused with this status and that no row has come or gone."""
    before = row_counts()

    def send_and_check(write: Write, body: Any, status: int = 400, **kwargs: str) -> dict[str, Any]:
        try:
            return problem_of(send(write, body, **kwargs), status)
        except AssertionError as error:
            raise AssertionError(f"{write.method} {write.path} with {str(body)[:80]!r} {kwargs}: {error}") from error

    yield send_and_check
    assert row_counts() == before


def test_the_table_lists_every_writing_route():
    routes = {(route.method, route.path) for route in api_routes() if route.method != "GET"}

    assert {(write.method, write.path) for write in WRITES} == routes - TAKES_A_FORM


@every_write
class TestEveryWritingRoute:
    def test_refuses_what_is_no_json_document(self, refused, write):
        for name, body in NO_DOCUMENT.items():
            assert refused(write, body)["code"] == "parse_error", name

    def test_refuses_a_document_that_is_no_object(self, refused, write):
        for body in NO_OBJECT:
            assert [error["field"] for error in refused(write, body)["errors"]] == [""], body

    def test_refuses_deep_nesting(self, refused, write):
        for name, body in NESTED.items():
            assert "deeper than 32" in refused(write, body)["detail"], name

    def test_refuses_each_wrong_type_by_the_name_of_the_field(self, refused, write):
        for field, kind in write.kinds.items():
            for value in WRONG[kind]:
                problem = refused(write, {**write.body, field: value})
                # Of a list, the place of the wrong one follows.
                assert [error["field"].partition(".")[0] for error in problem["errors"]] == [field], value

    def test_refuses_each_missing_field_by_name(self, refused, write):
        for field in set(write.body) - write.optional:
            problem = refused(write, {name: value for name, value in write.body.items() if name != field})
            assert [(error["field"], error["code"]) for error in problem["errors"]] == [(field, "required")]

    def test_refuses_unknown_fields_by_name(self, refused, write):
        for field in (
            "id",
            "x",
            "",
            " ",
            "__proto__",
            "constructor",
            "non_field_errors",
            "message",
            "Ä" * 100,
            "is_staff",
        ):
            problem = refused(write, {**write.body, field: "x"})
            assert {error["code"] for error in problem["errors"]} == {"unknown_field"}, field

    def test_lists_only_some_of_very_many_unknown_fields(self, send, problem_of, write):
        response = send(write, {f"f{number}": 0 for number in range(5_000)})

        problem_of(response, 400)
        assert len(response.content) < 10_000

    def test_refuses_a_field_that_is_given_twice(self, refused, write):
        whole = json.dumps(dict(write.body))
        for field, value in write.body.items():
            escaped = "".join(f"\\u{ord(character):04x}" for character in field)
            for name in (field, escaped):
                refused(write, f'{whole[:-1]}, "{name}": {json.dumps(value)}}}'.encode())

    def test_refuses_text_that_no_database_stores_in_each_field(self, refused, write):
        for field, kind in write.kinds.items():
            for text in ("\\u0000", "a\\u0000b", "\\ud800", "\\udfff", "\\udc00\\ud800", "\\ud800\\u0041"):
                body = json.dumps({**write.body, field: ""}).replace("", text)
                refused(write, body.encode())
            if kind == "text":
                refused(write, {**write.body, field: "x" * 100_000})

    def test_refuses_a_body_that_is_too_large(self, refused, write):
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        for body in (b" " * (limit + 1), b'{"a": "' + b"x" * 3_000_000 + b'"}', b"\x00" * 9_000_000):
            assert refused(write, body, 413)["code"] == "payload_too_large"
        assert refused(write, b"x" * limit, 400)["code"] == "parse_error"

    def test_refuses_every_other_content_type(self, refused, write):
        for content_type in CONTENT_TYPES:
            problem = refused(write, dict(write.body), 415, content_type=content_type)
            assert problem["code"] == "unsupported_media_type"

    def test_refuses_every_content_encoding(self, refused, write):
        for encoding in ("gzip", "br", "deflate", "x", "identity, gzip"):
            refused(write, dict(write.body), 415, HTTP_CONTENT_ENCODING=encoding)

    def test_does_not_decode_by_the_charset_that_a_client_names(self, refused, write):
        for charset in ("utf-16", "latin-1", "utf-7"):
            refused(write, '{"ä": 1}'.encode("utf-16"), content_type=f"application/json; charset={charset}")

    def test_a_method_override_changes_nothing(self, send, write):
        for header in ("HTTP_X_HTTP_METHOD_OVERRIDE", "HTTP_X_METHOD_OVERRIDE", "HTTP_X_HTTP_METHOD"):
            assert send(write, {"x": 1}, **{header: "GET"}).status_code == 400


class TestHarmlessBodies:
    """What looks hostile and is not."""

    @pytest.mark.parametrize(
        "text", ["[" * 4000, "{" * 4000, "]}" * 2000, '"' * 4000, "\\" * 4000, "<script>alert(1)</script>",
                 "%00%s{{7*7}}", "'; DROP TABLE ncs_nonconformity; --", "=cmd|' /C calc'!A0",
                 "Ω\u202eabc", "a\u0001b\u007f"]
    )  # fmt: skip
    def test_a_description_is_text_and_comes_back_as_it_was(self, api, make_supplier, text):
        client = api("quality")

        created = client.post("/ncs", {"supplier_id": make_supplier().pk, "severity": "low", "description": text})

        assert created.status_code == 201
        assert client.get(f"/ncs/{created.json()['id']}").json()["description"] == text

    def test_content_types_that_mean_json(self, api):
        client = api("procurement")

        for number, content_type in enumerate(
            (
                "application/json; charset=utf-8",
                "APPLICATION/JSON",
                "application/json;charset=UTF-8",
                "application/json ;",
            )
        ):
            body = json.dumps({"name": f"Hansa {number}"}).encode()
            response = client.generic("POST", "/suppliers", body, content_type=content_type)
            assert response.status_code == 201, content_type


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
bounded = hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)


class TestWhateverHypothesisFinds:
    @bounded
    @given(fields=st.fixed_dictionaries({}, optional={"name": JSON_VALUES, "certification_expiry": JSON_VALUES}))
    def test_a_supplier_is_stored_or_refused(self, send, problem_of, fields):
        self.stored_or_refused(send, problem_of, WRITES[3], fields)

    @bounded
    @given(
        fields=st.fixed_dictionaries(
            {}, optional={"supplier_id": JSON_VALUES, "severity": JSON_VALUES, "description": JSON_VALUES}
        )
    )
    def test_an_nc_is_stored_or_refused(self, send, problem_of, fields):
        self.stored_or_refused(send, problem_of, WRITES[WRITES_OF_NCS], fields)

    @bounded
    @given(body=st.binary(max_size=60) | JSON_VALUES)
    def test_a_close_is_done_or_refused(self, send, problem_of, body):
        self.stored_or_refused(send, problem_of, WRITES[WRITES_OF_CLOSE], body)

    def stored_or_refused(self, send, problem_of, write, body):
        response = send(write, body)

        if response.status_code not in (200, 201):
            problem_of(response, 400)

    @bounded
    @given(name=st.text(max_size=30))
    def test_a_stored_name_is_trimmed_printable_and_found_by_its_key(self, send, problem_of, name):
        response = send(WRITES[3], {"name": name})

        if response.status_code != 201:
            problem_of(response, 400)
            return
        stored = Supplier.objects.get(pk=response.json()["id"])
        assert stored.name == " ".join(stored.name.split()) != ""
        assert stored.name.isprintable()
        assert stored.name_key == name_key(stored.name) == name_key(stored.name.upper())
        again = problem_of(send(WRITES[3], {"name": f" {stored.name} "}), 400)
        assert again["code"] == "duplicate_name"
