"""Actions on several records at once."""

from __future__ import annotations

from typing import Any

from qhse.adminsite.bulk import MOST_AT_ONCE
from qhse.adminsite.tests.conftest import Browser, text_of


class TestTooMuchAtOnce:
    def test_is_refused_whole(self, browser: Browser, make_nc: Any, make_supplier: Any, traces: Any) -> None:
        supplier = make_supplier()
        for _ in range(MOST_AT_ONCE + 1):
            make_nc(supplier_id=supplier.pk)
        before = traces()

        response = browser("quality").post(
            "/admin/ncs/nonconformity/",
            {"action": "close_selected", "select_across": 1, "_selected_action": [1], "index": 0},
            follow=True,
        )

        assert f"At most {MOST_AT_ONCE} at once" in text_of(response)
        assert traces() == before
