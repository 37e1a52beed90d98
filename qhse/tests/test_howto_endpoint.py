"""The Python code of docs/howto-endpoint.md runs, and its tests pass: it is taken from the page itself."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from types import ModuleType
from typing import Any

import pytest

from audit.models import AuditEntry
from outbox.testing import assert_publishes, isolated_registry
from qhse.tests.pages import ROOT, PythonBlock, python_blocks
from suppliers import events as package
from suppliers import permissions
from suppliers.api import serializers, urls, views
from suppliers.events import suppliers as events
from suppliers.services import merge_supplier

ROLES, EVENT, SERVICE, BODY, VIEW, ADDRESS, TESTS = python_blocks(ROOT / "docs" / "howto-endpoint.md")

# What the page's tests use. The fixture adds what the page itself defines.
names = {
    "pytest": pytest, "date": date, "AuditEntry": AuditEntry, "assert_publishes": assert_publishes,
    "__name__": __name__,
}  # fmt: skip
TestCompleteReview = TESTS.run(names)["TestCompleteReview"]
REVIEW = {"next_review_on": "2028-06-30", "note": "Visited, no findings"}


def in_a_viewset(block: PythonBlock) -> PythonBlock:
    """Return the block as a method of the viewset, with its lines where they are."""
    head = """class SupplierViewSet(SupplierViewSet):
    honours_if_match = has_etag = ("complete_review",)
"""
    return replace(
        block, code=head + textwrap.indent(textwrap.dedent(block.code), "    "), lines_above=block.lines_above - 2
    )


@pytest.fixture(autouse=True)
def the_endpoint_of_the_page(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run each block among the names of its module. The modules themselves stay as they are."""
    with isolated_registry():
        event = EVENT.run(dict(vars(events)))["SupplierReviewed"]
        monkeypatch.setattr(package, "SupplierReviewed", event, raising=False)
        service = SERVICE.run({"__name__": __name__})["complete_review"]
        body = BODY.run(dict(vars(serializers)))["ReviewSerializer"]
        known = vars(views) | {"complete_review": service, "ReviewSerializer": body}
        view = in_a_viewset(VIEW).run(known)["SupplierViewSet"]
        table = ROLES.run(dict(vars(permissions)))["SUPPLIER_ROLES"]
        view.permission_classes = [type("Permission", (permissions.SupplierPermission,), {"table": table})]
        routes: Any = ModuleType("routes_of_the_page")
        routes.urlpatterns = [ADDRESS.value(vars(urls) | {"SupplierViewSet": view})]
        settings.ROOT_URLCONF = routes
        names.update(SupplierReviewed=event, complete_review=service)
        yield


@pytest.mark.django_db
class TestTheEndpoint:
    def test_takes_a_review_of_quality_and_not_of_procurement(self, api, make_supplier):
        path = f"/suppliers/{make_supplier().pk}/review"

        assert api("procurement").patch(path, REVIEW).status_code == 403
        answer = api("quality").patch(path, REVIEW)
        assert (answer.status_code, answer.json()["next_review_on"], answer["ETag"]) == (200, "2028-06-30", '"2"')

    def test_refuses_a_review_without_a_note_and_a_version_that_is_old(self, api, make_supplier, problem_of):
        path = f"/suppliers/{make_supplier().pk}/review"

        silent = api("quality").patch(path, REVIEW | {"note": " "})
        old = api("quality").patch(path, REVIEW, headers={"If-Match": '"7"'})

        assert problem_of(silent, 400)["errors"][0]["field"] == "note"
        assert problem_of(old, 412)["code"] == "stale_version"

    def test_refuses_a_supplier_that_has_been_merged(self, users, api, make_supplier, problem_of):
        duplicate, left = make_supplier(), make_supplier()
        merge_supplier(supplier_id=duplicate.pk, into_id=left.pk, reason="Twice", actor=users["admin"])

        refused = api("quality").patch(f"/suppliers/{duplicate.pk}/review", REVIEW)

        assert problem_of(refused, 409)["code"] == "supplier_is_merged"
