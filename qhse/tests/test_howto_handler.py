"""The Python code of docs/howto-handler.md runs, and its tests pass: it is taken from the page itself."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from audit.models import AuditEntry
from outbox import registry
from outbox.testing import isolated_registry
from suppliers.events import SupplierRiskChanged

PAGE = Path(__file__).resolve().parents[2] / "docs" / "howto-handler.md"


def code_blocks() -> list[tuple[int, str]]:
    """Return the number of lines above each Python block, and the block."""
    text = PAGE.read_text(encoding="utf-8")
    blocks = re.finditer(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [(text.count("\n", 0, block.start(1)), block[1]) for block in blocks]


def run_block(block: tuple[int, str], names: dict[str, Any]) -> None:
    """Run a block as if its file were the page, so that a traceback points to the line there."""
    lines_above, code = block
    exec(compile("\n" * lines_above + code, str(PAGE), "exec"), names)


HANDLER, BATCH_HANDLER, *TESTS = code_blocks()


@pytest.fixture(autouse=True)
def the_handler_of_the_page() -> Iterator[None]:
    with isolated_registry():
        run_block(HANDLER, {"__name__": __name__})
        yield


# pytest and unittest find the page's tests in this module as if they were written here.
for _block in TESTS:
    run_block(_block, vars(sys.modules[__name__]))


def test_the_tests_of_the_page_are_found_here():
    assert {"TestAskForReview", "AskForReviewTests", "TestCloseNonconformity"} <= set(globals())


@pytest.mark.django_db
def test_the_batch_handler_of_the_page_does_the_same(make_nc, drain):
    registry._handlers[SupplierRiskChanged.event_type].clear()
    run_block(BATCH_HANDLER, {"__name__": __name__})
    suppliers = [str(make_nc(severity="high").supplier_id) for _ in range(3)]
    make_nc(severity="low")

    drain()

    entries = AuditEntry.objects.filter(action="SUPPLIER_REVIEW_DUE").order_by("id")
    assert [entry.entity_id for entry in entries] == suppliers
    assert {(entry.actor, entry.source, entry.reason) for entry in entries} == {
        ("system", "worker", "The risk score is 50")
    }
