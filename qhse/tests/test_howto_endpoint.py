"""The Python code of docs/howto-endpoint.md runs, and its tests pass: it is taken from the page itself."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from audit.models import AuditEntry
from outbox.testing import assert_publishes, isolated_registry
from qhse.ordering import dictionary_order
from qhse.tests.pages import ROOT, PythonBlock, python_blocks
from suppliers import permissions
from suppliers.api import serializers, urls, views
from suppliers.errors import SupplierNameIsInvalid
from suppliers.events import suppliers as events
from suppliers.names import NameRefused, normalise_name
from suppliers.services import suppliers as services

ROLES, EVENT, SERVICE, BODY, VIEW, ADDRESS, TESTS = python_blocks(ROOT / "docs" / "howto-endpoint.md")

# What the page's tests use. The fixture adds what the page itself defines.
names = {"pytest": pytest, "AuditEntry": AuditEntry, "assert_publishes": assert_publishes, "__name__": __name__}
TestRenameSupplier = TESTS.run(names)["TestRenameSupplier"]


def in_a_viewset(block: PythonBlock) -> PythonBlock:
    """Return the block as a method of the viewset, with its lines where they are."""
    head = """class SupplierViewSet(SupplierViewSet):
    honours_if_match = has_etag = ("rename",)
"""
    return replace(
        block, code=head + textwrap.indent(textwrap.dedent(block.code), "    "), lines_above=block.lines_above - 2
    )


@pytest.fixture(autouse=True)
def the_endpoint_of_the_page(settings: Any) -> Iterator[None]:
    """Run each block among the names of its module. The modules themselves stay as they are."""
    with isolated_registry():
        event = EVENT.run(dict(vars(events)))["SupplierRenamed"]
        imported = {
            "SupplierRenamed": event, "dictionary_order": dictionary_order, "normalise_name": normalise_name,
            "NameRefused": NameRefused, "SupplierNameIsInvalid": SupplierNameIsInvalid,
        }  # fmt: skip
        service = SERVICE.run(vars(services) | imported)["rename_supplier"]
        body = BODY.run(dict(vars(serializers)))["RenameSerializer"]
        known = vars(views) | {"rename_supplier": service, "RenameSerializer": body}
        view = in_a_viewset(VIEW).run(known)["SupplierViewSet"]
        table = ROLES.run(dict(vars(permissions)))["SUPPLIER_ROLES"]
        view.permission_classes = [type("Permission", (permissions.SupplierPermission,), {"table": table})]
        routes: Any = ModuleType("routes_of_the_page")
        routes.urlpatterns = [ADDRESS.value(vars(urls) | {"SupplierViewSet": view})]
        settings.ROOT_URLCONF = routes
        names.update(SupplierRenamed=event, rename_supplier=service)
        yield


@pytest.mark.django_db
class TestTheEndpoint:
    def test_renames_for_procurement_and_not_for_quality(self, api, make_supplier):
        path = f"/suppliers/{make_supplier().pk}/name"

        assert api("quality").patch(path, {"name": "Nordic Forge AB"}).status_code == 403
        answer = api("procurement").patch(path, {"name": "Nordic Forge AB", "reason": "Merger"})
        assert (answer.status_code, answer.json()["name"], answer["ETag"]) == (200, "Nordic Forge AB", '"2"')

    def test_refuses_a_name_that_is_taken_and_a_version_that_is_old(self, api, make_supplier, problem_of):
        make_supplier(name="Nordic Forge AB")
        path = f"/suppliers/{make_supplier().pk}/name"

        taken = api("procurement").patch(path, {"name": "nordic forge ab"})
        old = api("procurement").patch(path, {"name": "Tyne Castings Ltd"}, headers={"If-Match": '"7"'})

        assert problem_of(taken, 400)["code"] == "duplicate_name"
        assert problem_of(old, 412)["code"] == "stale_version"
