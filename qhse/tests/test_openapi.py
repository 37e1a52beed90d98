"""The OpenAPI document says what is there: every route and method, who may, every refusal, an example of each body."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import jsonschema
import pytest
from django.conf import settings
from django.test import Client
from drf_spectacular.validation import validate_schema

from qhse.api.openapi.routes import all_patterns
from qhse.exporting.exports import CSV_TYPE, XLSX_TYPE
from qhse.tests.test_permission_matrix import EXPECTED, PUBLIC

NOT_DESCRIBED = {"docs", "admin"}  # pages for people: what shows the document, and the way to the admin site

DETAILS = {
    "system", "category", "detected_on", "detected_at", "part_no", "lot_no", "po_ref", "qty_received", "qty_defective",
    "due_on",
}  # fmt: skip
SUPPLIER_DETAILS = {
    "external_ref", "country", "category", "criticality", "contact_name", "contact_email", "required_standards",
    "next_review_on",
}  # fmt: skip
# By hand from the contract: what a body must hold and may hold.
BODIES = {
    ("/auth/login", "post"): ({"username", "password"}, set()),
    ("/auth/refresh", "post"): ({"refresh_token"}, set()),
    ("/auth/logout", "post"): ({"refresh_token"}, set()),
    ("/suppliers", "post"): ({"name"}, {"certification_expiry", *SUPPLIER_DETAILS}),
    ("/suppliers/{supplier_id}", "patch"): ({"reason"}, {"name", *SUPPLIER_DETAILS}),
    ("/suppliers/{supplier_id}/status", "post"): ({"status"}, {"reason"}),
    ("/suppliers/{supplier_id}/merge", "post"): ({"into_id", "reason"}, set()),
    ("/suppliers/{supplier_id}/certification", "patch"): ({"certification_expiry"}, {"reason"}),
    ("/certificates", "post"): (
        {"supplier_id", "standard", "number", "issuer", "valid_from", "valid_to"},
        {"edition", "accreditation_body", "scope", "sites", "last_surveillance_on", "supersedes"},
    ),
    ("/certificates/{certificate_id}", "patch"): (
        {"reason"},
        {
            "standard",
            "edition",
            "number",
            "issuer",
            "accreditation_body",
            "scope",
            "sites",
            "valid_from",
            "valid_to",
            "last_surveillance_on",
            "supersedes",
        },
    ),
    ("/certificates/{certificate_id}/verify", "patch"): ({"method"}, {"ref"}),
    ("/certificates/{certificate_id}/reject", "patch"): ({"reason"}, set()),
    ("/certificates/{certificate_id}/withdraw", "patch"): ({"reason"}, set()),
    ("/suppliers/{supplier_id}/volumes/{month}", "put"): (
        {"received_qty", "defective_qty"},
        {"received_lots", "rejected_lots", "late_lots", "reason"},
    ),
    ("/imports", "post"): ({"kind", "file"}, {"mode"}),
    ("/imports/{import_id}", "patch"): (set(), {"columns", "mode"}),
    ("/imports/{import_id}/start", "post"): (set(), set()),
    ("/imports/{import_id}/cancel", "post"): (set(), set()),
    ("/suppliers/{supplier_id}/risk/override", "post"): ({"level", "reason"}, {"until"}),
    ("/ncs", "post"): ({"supplier_id", "severity", "description"}, {*DETAILS, "owner_id"}),
    ("/ncs/{nc_id}", "patch"): (
        {"reason"},
        {
            *DETAILS,
            "supplier_id",
            "severity",
            "description",
            "customer_informed_on",
            "cost",
            "repeat_of",
        },
    ),
    ("/ncs/{nc_id}/assign", "patch"): ({"owner_id"}, {"due_on", "reason"}),
    ("/ncs/{nc_id}/contain", "patch"): ({"containment"}, set()),
    ("/ncs/{nc_id}/analyse", "patch"): ({"cause_code", "root_cause"}, set()),
    ("/ncs/{nc_id}/dispose", "patch"): ({"disposition", "reason"}, {"disposition_qty"}),
    ("/ncs/{nc_id}/concede", "patch"): ({"reason"}, set()),
    ("/ncs/{nc_id}/close", "patch"): (set(), {"reason", "closure_code", "override"}),
    ("/ncs/{nc_id}/reopen", "patch"): ({"reason"}, set()),
    ("/ncs/{nc_id}/void", "patch"): ({"reason"}, set()),
    ("/ncs/{nc_id}/actions", "post"): ({"kind", "title"}, {"owner_id", "contact", "due_on"}),
    ("/actions/{action_id}", "patch"): (set(), {"title", "owner_id", "contact", "due_on", "reason"}),
    ("/actions/{action_id}/start", "patch"): (set(), set()),
    ("/actions/{action_id}/complete", "patch"): (set(), {"note"}),
    ("/actions/{action_id}/verify", "patch"): ({"effective", "note"}, set()),
    ("/actions/{action_id}/cancel", "patch"): ({"reason"}, set()),
    ("/attachments", "post"): ({"entity_type", "entity_id", "file"}, {"description"}),
    ("/attachments/{attachment_id}/void", "patch"): ({"reason"}, set()),
    ("/audit-log/reviews", "post"): ({"seal", "note"}, set()),
    ("/audit-log/verifications", "post"): (set(), set()),
    ("/outbox/events/{event_id}/requeue", "post"): ({"reason"}, set()),
    ("/outbox/events/{event_id}/dismiss", "post"): ({"reason"}, set()),
    ("/webhooks", "post"): ({"url", "event_types"}, {"description"}),
    ("/webhooks/{webhook_id}", "patch"): (set(), {"url", "event_types", "description", "is_active", "reason"}),
    ("/webhooks/{webhook_id}/secret", "post"): (set(), {"reason"}),
    ("/webhooks/{webhook_id}/deliveries/{delivery_id}/retry", "post"): (set(), {"reason"}),
}
FORMS = {
    "Attach a file to a record": "multipart/form-data",
    "Check a file that is to be imported": "multipart/form-data",
}
# A PUT sets what is there, and makes what is not.
MAKES_WHAT_IT_LACKS = {("suppliers/<int:supplier_id>/volumes/<str:month>", "PUT")}
CONFLICTS = {
    *((path, method) for path, method in BODIES if path.startswith(("/ncs/", "/actions/"))),
    ("/suppliers/{supplier_id}/risk/override", "post"),
    ("/outbox/events/{event_id}/requeue", "post"),
    ("/outbox/events/{event_id}/dismiss", "post"),
    ("/webhooks/{webhook_id}", "patch"),
    ("/webhooks/{webhook_id}/deliveries/{delivery_id}/retry", "post"),
}


FIRST_READERS = """
import sys, threading
import django
from django.test import Client
from qhse.env import choose_settings
choose_settings()
django.setup()
sys.setswitchinterval(1e-5)
together, statuses = threading.Barrier(8), []
def read():
    together.wait()
    client = Client(SERVER_NAME="localhost", raise_request_exception=False)
    statuses.append(client.get("/openapi.json").status_code)
readers = [threading.Thread(target=read) for _ in range(8)]
for reader in readers: reader.start()
for reader in readers: reader.join()
print(*statuses)
"""


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return Client().get("/openapi.json").json()


@pytest.fixture(scope="module")
def operations(document) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (path, method): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def described_form(pattern: str) -> str:
    return "/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", pattern)


def resolved(document: Any, schema: Any) -> Any:
    """Follow `$ref` once."""
    name = schema.get("$ref", "").rpartition("/")[2]
    return document["components"]["schemas"][name] if name else schema


def every_part(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from every_part(inner)


class TestTheDocument:
    def test_is_valid_openapi_3_1(self, document):
        assert document["openapi"].startswith("3.1")
        validate_schema(document)

    def test_every_schema_in_it_is_valid_json_schema(self, document):
        for name, schema in document["components"]["schemas"].items():
            jsonschema.Draft202012Validator.check_schema(schema)
            assert schema.get("type") in ("object", "null") or "enum" in schema, name

    def test_uses_no_word_of_openapi_3_0(self, document):
        assert not [part for part in every_part(document) if "nullable" in part or "exclusiveMinimum" in part]

    def test_every_reference_leads_somewhere(self, document):
        for part in every_part(document):
            if "$ref" in part:
                assert part["$ref"].rpartition("/")[2] in document["components"]["schemas"]

    @pytest.mark.django_db
    def test_is_the_same_for_everybody(self, document, api):
        assert api("admin").get("/openapi.json").json() == document

    def test_is_written_once_for_readers_who_come_at_the_same_time(self):
        """In a process of its own, whose library has resolved nothing yet."""
        done = subprocess.run(
            [sys.executable, "-c", FIRST_READERS], cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=120
        )
        assert done.stdout.split() == ["200"] * 8, done.stderr

    def test_says_nothing_about_the_code(self, document):
        for part in every_part(document):
            text = f"{part.get('description', '')} {part.get('summary', '')}".lower()
            for word in ("serializer", "viewset", "queryset", "django", "middleware", "mass assignment"):
                assert word not in text


class TestTheIntroduction:
    def test_says_how_all_routes_work(self, document):
        text = document["info"]["description"]

        for subject in ("Log in", "Errors", "Lists", "Repeating", "Versions of a record", "Days"):
            assert f"**{subject}" in text
        for name in ("/auth/login", "/auth/refresh", "Idempotency-Key", "If-Match", "request_id", "limit", "offset"):
            assert name in text

    def test_describes_every_section_in_the_order_of_use(self, document, operations):
        sections = [tag["name"] for tag in document["tags"]]

        assert sections == [
            "auth", "suppliers", "certificates", "non-conformities", "actions", "attachments", "imports", "kpi",
            "audit", "outbox", "webhooks", "operations",
        ]  # fmt: skip
        assert all(tag["description"] for tag in document["tags"])
        assert {tag for operation in operations.values() for tag in operation["tags"]} == set(sections)

    def test_routes_stand_in_the_order_in_which_people_use_them(self, document):
        paths = list(document["paths"])
        steps = ("assign", "contain", "analyse", "dispose", "concede", "close", "reopen", "void", "timeline", "actions",
                 "8d")  # fmt: skip
        ncs = ["/ncs", "/ncs/{nc_id}", *(f"/ncs/{{nc_id}}/{step}" for step in steps), "/ncs/owners", "/ncs/sample"]

        assert paths[:2] == ["/auth/login", "/auth/refresh"]
        assert [path for path in paths if path.startswith("/ncs")] == ncs
        assert paths != sorted(paths)


class TestRoutesAndMethods:
    def test_equal_the_resolver_in_both_directions(self, operations):
        routes = set()
        for pattern, resolved_pattern in all_patterns():
            if pattern.startswith("admin/") or pattern in NOT_DESCRIBED:
                continue
            callback = resolved_pattern.callback
            handlers = getattr(callback, "actions", None) or {
                name for name in callback.cls.http_method_names if name in vars(callback.cls) or name == "get"
            }
            routes |= {(described_form(pattern), name) for name in handlers if name not in ("head", "options")}

        assert set(operations) == routes

    def test_equal_the_contract(self, operations):
        contract = {
            (described_form(pattern), method.lower())
            for pattern, methods in EXPECTED.items()
            for method in methods
            if pattern not in NOT_DESCRIBED
        }

        assert set(operations) == contract

    def test_every_placeholder_is_described(self, operations):
        for (path, method), operation in operations.items():
            placeholders = set(re.findall(r"{(\w+)}", path))
            described = {item["name"] for item in operation.get("parameters", ()) if item["in"] == "path"}
            assert described == placeholders, (path, method)


class TestEachOperation:
    def test_has_a_summary_a_tag_and_an_id_of_its_own(self, operations):
        assert all(operation["summary"] and operation["tags"] for operation in operations.values())
        ids = [operation["operationId"] for operation in operations.values()]
        assert len(set(ids)) == len(ids)

    def test_says_who_may_use_it(self, operations):
        for pattern, methods in EXPECTED.items():
            for method, (roles, _) in methods.items():
                if pattern in NOT_DESCRIBED:
                    continue
                operation = operations[described_form(pattern), method.lower()]
                if roles == PUBLIC:
                    assert "**Public:** needs no token" in operation["description"], pattern
                    assert operation["security"] == [{}], pattern
                else:
                    assert f"**Roles:** {', '.join(sorted(roles))}" in operation["description"], pattern
                    assert operation["security"] == [{"jwtAuth": []}], pattern

    def test_names_its_success(self, operations):
        for pattern, methods in EXPECTED.items():
            for method, (_, status) in methods.items():
                if pattern not in NOT_DESCRIBED:
                    responses = operations[described_form(pattern), method.lower()]["responses"]
                    told = [str(status), "201"] if (pattern, method) in MAKES_WHAT_IT_LACKS else [str(status)]
                    assert [code for code in responses if code < "300"] == told, pattern

    def test_names_every_form_of_an_answer(self, operations):
        media_types = {
            media_type
            for operation in operations.values()
            for response in operation["responses"].values()
            for media_type in response.get("content", ())
        }

        assert media_types == {
            "application/json", "application/problem+json", "application/vnd.oai.openapi+json", "text/plain",
            "application/pdf", "text/html",  # a report
            "image/png",  # a preview
            "application/zip",  # a dossier
            "*/*",  # a file that somebody attached, to be saved
            CSV_TYPE, XLSX_TYPE,  # a list, whose texts no spreadsheet runs
        }  # fmt: skip

    def test_names_every_refusal_it_can_give(self, operations):
        for (path, method), operation in operations.items():
            expected = {"400", "503"}
            if operation["security"] != [{}]:
                expected |= {"401", "403"}
            if path.startswith("/auth/") and path != "/auth/me":
                expected |= {"401"}
            if "{" in path:
                expected |= {"404"}
            if (path, method) in BODIES:
                expected |= {"408", "413", "415", "412"}
                # Under an Idempotency-Key: in flight, or taken by another body.
                expected |= set() if path.startswith("/auth/") else {"409", "422"}
            if path == "/auth/login":
                expected |= {"429"}
            if path == "/metrics":
                expected |= {"403"}
            if path in ("/attachments/{attachment_id}/content", "/attachments/{attachment_id}/preview"):
                expected |= {"410"}
            if path == "/ncs/{nc_id}/8d":
                expected |= {"406"}
            if CSV_TYPE in operation["responses"].get("200", {}).get("content", ()):
                expected |= {"406", "429"}
            if path == "/dossiers":
                expected |= {"404", "406"}
            assert {code for code in operation["responses"] if code >= "400"} == expected, (path, method)

    def test_every_refusal_is_a_problem_document(self, document, operations):
        for (path, method), operation in operations.items():
            for code, response in operation["responses"].items():
                if code < "400" or (path, code) == ("/readyz", "503"):
                    continue
                assert response["description"], (path, method, code)
                (media_type, content), *others = response["content"].items()
                assert (media_type, others) == ("application/problem+json", [])
                problem = resolved(document, content["schema"])
                assert set(problem["required"]) == {"type", "title", "status", "detail", "code", "request_id"}
                assert set(problem["properties"]) - set(problem["required"]) == {"errors", "existing_id"}

    def test_every_page_names_its_members_and_bounds(self, document, operations):
        lists = (
            "/suppliers", "/certificates", "/ncs", "/actions", "/audit-log", "/audit-log/reviews", "/outbox/events",
        )  # fmt: skip
        for path in lists:
            operation = operations[path, "get"]
            page = resolved(document, operation["responses"]["200"]["content"]["application/json"]["schema"])
            assert (
                set(page["required"])
                == set(page["properties"])
                == {"count", "count_is_exact", "next", "previous", "results"}
            )
            bounds = {item["name"]: item["schema"] for item in operation["parameters"]}
            assert (bounds["limit"]["minimum"], bounds["limit"]["maximum"], bounds["limit"]["default"]) == (1, 100, 20)
            assert (bounds["offset"]["minimum"], bounds["offset"]["default"]) == (0, 0)


class TestBodies:
    def body_of(self, operation: dict[str, Any]) -> dict[str, Any]:
        ((media_type, body),) = operation["requestBody"]["content"].items()
        assert media_type == FORMS.get(operation["summary"], "application/json")
        return body

    def test_only_writing_operations_have_one(self, operations):
        assert {key for key, operation in operations.items() if "requestBody" in operation} == set(BODIES)

    def test_are_closed_and_require_what_the_contract_requires(self, document, operations):
        for key, (required, optional) in BODIES.items():
            schema = resolved(document, self.body_of(operations[key])["schema"])

            assert set(schema.get("required", ())) == required, key
            assert set(schema.get("properties", ())) == required | optional, key
            assert schema["additionalProperties"] is False, key
            assert operations[key]["requestBody"].get("required", False) is bool(required), key

    def test_have_an_example_that_fits_them(self, document, operations):
        for key in BODIES:
            body = self.body_of(operations[key])
            schema = {**resolved(document, body["schema"]), "components": document["components"]}

            assert body.get("examples"), key
            for example in body["examples"].values():
                jsonschema.validate(example["value"], schema)


class _Assets(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.urls: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        given = dict(attrs)
        if tag in ("script", "link", "img"):
            url = given.get("src") or given.get("href")
            (self.urls if url else self.inline).append(url or tag)
        self.inline += [name for name in given if name.startswith("on")] + [tag] * (tag == "style")


@pytest.mark.django_db
class TestThePage:
    def test_loads_everything_from_here_and_nothing_inline(self, anonymous):
        page = _Assets()
        page.feed(anonymous.get("/docs").content.decode())

        assert len(page.urls) >= 4
        for url in page.urls:
            response = anonymous.get(url)
            assert (url.startswith("/"), response.status_code) == (True, 200), url
            response.close()
        assert page.inline == []

    def test_offers_bearer_authorization_and_reads_this_document(self, anonymous, document):
        page = anonymous.get("/docs").content.decode()
        scripts = [url for url in re.findall(r'src="([^"]+)"', page) if url.startswith("/docs")]
        script = anonymous.get(scripts[0].replace("&amp;", "&")).content.decode()

        assert "/openapi.json" in script
        assert document["components"]["securitySchemes"]["jwtAuth"] == {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
        }
