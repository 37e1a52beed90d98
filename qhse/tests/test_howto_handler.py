"""The Python code of docs/howto-handler.md runs, and its tests pass: it is taken from the page itself."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from audit.models import AuditEntry
from outbox import registry
from outbox.testing import isolated_registry
from qhse.tests.pages import ROOT, python_blocks
from suppliers.events import SupplierRiskChanged

HANDLER, BATCH_HANDLER, *TESTS = python_blocks(ROOT / "docs" / "howto-handler.md")


@pytest.fixture(autouse=True)
def the_handler_of_the_page() -> Iterator[None]:
    with isolated_registry():
        HANDLER.run({"__name__": __name__})
        yield


# pytest and unittest find the page's tests in this module as if they were written here.
for _block in TESTS:
    _block.run(vars(sys.modules[__name__]))


def test_the_tests_of_the_page_are_found_here():
    assert {"TestAskForReview", "AskForReviewTests", "TestCloseNonconformity"} <= set(globals())


@pytest.mark.django_db
def test_the_batch_handler_of_the_page_does_the_same(make_nc, drain):
    registry._handlers[SupplierRiskChanged.event_type].clear()
    BATCH_HANDLER.run({"__name__": __name__})
    suppliers = [str(make_nc(severity="high").supplier_id) for _ in range(3)]
    make_nc(severity="low")

    drain()

    entries = AuditEntry.objects.filter(action="SUPPLIER_REVIEW_DUE").order_by("id")
    assert [entry.entity_id for entry in entries] == suppliers
    assert {(entry.actor, entry.source, entry.reason) for entry in entries} == {
        ("system", "worker", "The risk score is 50")
    }
