"""Every list of the admin as a file: one click away, and just what the list shows."""

from __future__ import annotations

import csv
import html
import io
import re
from typing import Any

import pytest
from django.contrib import admin
from django.utils.safestring import mark_safe

from audit.models import AuditEntry
from qhse.adminsite.base import ServiceModelAdmin
from qhse.adminsite.exports import told
from qhse.adminsite.tests.conftest import Browser, Records, text_of
from qhse.exporting import exports
from qhse.exporting.tests.sheets import values_of
from suppliers.models import Supplier
from suppliers.reassessment import reassess_suppliers

EVERY_PAGE = sorted(f"{model._meta.app_label}/{model._meta.model_name}" for model in admin.site._registry)
# By what address a list shows all its records, where that is not how it opens.
ALL_OF_IT = {"ncs/nonconformity": "?status=all", "ncs/correctiveaction": "?status=all"}
SECRET = {"password", "mark", "actor_salt", "actor_digest", "search_key", "name_key", "username_key", "name_order"}


def links(page: Any) -> dict[str, str]:
    """Return label → address of the exports that a page offers."""
    found = re.findall(r'<a href="([^"]+/export/[^"]+)">([^<]+)</a>', text_of(page))
    return {label: html.unescape(address) for address, label in found}


def rows_of(response: Any) -> list[dict[str, str]]:
    assert response.status_code == 200
    content = b"".join(response)
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=";"))


def page_of(path: str) -> str:
    return f"/admin/{path}/"


@pytest.mark.parametrize("path", EVERY_PAGE)
class TestEveryList:
    def test_is_exported_by_one_click_with_the_records_that_it_shows(
        self, path: str, browser: Browser, records: Records
    ) -> None:
        client = browser("admin")
        page = client.get(page_of(path) + ALL_OF_IT.get(path, ""))
        shown = [str(record.pk) for record in page.context_data["cl"].result_list]
        offered = links(page)
        assert set(offered) == {"Export CSV", "Export Excel"}

        rows = rows_of(client.get(offered["Export CSV"]))
        heading, *sheet = values_of(b"".join(client.get(offered["Export Excel"])))

        newer = len(rows) - len(shown)  # the trail, and what is published of it, have the exports themselves
        assert [row["id"] for row in rows][newer:] == shown
        assert [row[heading.index("id")] for row in sheet][-len(shown) :] == shown
        assert heading == list(rows[0])

    def test_has_its_columns_in_words_and_the_raw_ones_behind_them(
        self, path: str, browser: Browser, records: Records
    ) -> None:
        client = browser("admin")
        page = client.get(page_of(path) + ALL_OF_IT.get(path, ""))
        titles = [header["text"] for header in page.context_data["cl"].model_admin and _headers(page)]

        row = rows_of(client.get(links(page)["Export CSV"]))[0]

        assert list(row)[: len(titles)] == titles
        assert len(set(row)) == len(row)
        assert not [value for value in row.values() if re.search(r"</|<[a-z]+ class|&[a-z]+;|^–$", value)]

    def test_gives_no_secret_and_no_text_of_the_machinery_away(self, path: str) -> None:
        (page,) = (
            page for model, page in admin.site._registry.items()
            if f"{model._meta.app_label}/{model._meta.model_name}" == path
        )  # fmt: skip
        assert isinstance(page, ServiceModelAdmin)

        assert set(page._raw_fields()) & SECRET == set()
        assert len(set(page._raw_fields())) == len(page._raw_fields())

    def test_needs_the_same_right_as_the_list(self, path: str, browser: Browser, records: Records) -> None:
        for role in ("quality", "procurement", "auditor", "admin"):
            client = browser(role)
            statuses = [client.get(page_of(path)).status_code]
            statuses += [client.get(f"{page_of(path)}export/{form}/").status_code for form in ("csv", "xlsx")]

            assert len(set(statuses)) == 1, (role, statuses)

    def test_is_for_reading(self, path: str, browser: Browser, records: Records, traces: Any) -> None:
        client, before = browser("admin"), traces()

        assert client.post(f"{page_of(path)}export/csv/").status_code == 405
        head = client.head(f"{page_of(path)}export/csv/")
        assert (head.status_code, head.content) == (200, b"")
        assert client.get(f"{page_of(path)}export/pdf/")["Location"] == page_of(path)
        assert traces() == before


def _headers(page: Any) -> list[dict[str, Any]]:
    from django.contrib.admin.templatetags.admin_list import result_headers

    return [header for header in result_headers(page.context_data["cl"]) if "action-checkbox" not in str(header)]


class TestWhatIsChosen:
    @pytest.fixture(autouse=True)
    def suppliers(self, records: Records, make_supplier: Any) -> None:
        for name in ("Nordic Castings AB", "Äther AG", "Rhein Fasteners AG"):
            make_supplier(name=name)
        reassess_suppliers(supplier_ids=Supplier.objects.values_list("pk", flat=True))

    @pytest.mark.parametrize("query", [
        "", "?q=nordic", "?at_risk=yes", "?at_risk=no&o=-1", "?o=1", "?o=-3.1", "?q=ag&o=-1&risk_level=low", "?p=1",
    ])  # fmt: skip
    def test_is_what_leaves_in_the_same_order(self, query: str, browser: Browser) -> None:
        client = browser("procurement")
        page = client.get(f"/admin/suppliers/supplier/{query}")

        rows = rows_of(client.get(links(page)["Export CSV"]))

        assert [row["id"] for row in rows] == [str(each.pk) for each in page.context_data["cl"].result_list]

    def test_is_all_of_it_and_not_one_page(self, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(admin.site._registry[Supplier], "list_per_page", 2)
        monkeypatch.setattr(exports, "PIECE", 3)
        client = browser("procurement")
        page = client.get("/admin/suppliers/supplier/?p=2")

        assert len(page.context_data["cl"].result_list) == 2
        assert len(rows_of(client.get(links(page)["Export CSV"]))) == 4

    def test_stands_in_the_trail(self, browser: Browser) -> None:
        client = browser("procurement")
        rows_of(client.get("/admin/suppliers/supplier/export/csv/?q=ag&o=-1"))

        entry = AuditEntry.objects.get(action="LIST_EXPORTED")
        assert (entry.entity_id, entry.actor, entry.source) == ("suppliers", "procurement", "admin")
        assert entry.changes["filter"] == [None, {"q": "ag", "o": "-1"}]

    @pytest.mark.parametrize(
        "query", ["at_risk=x", "name__startswith=N", "q=a%00b", "description__contains=a", "%00=1"]
    )
    def test_exports_nothing_when_the_address_is_not_understood(self, query: str, browser: Browser) -> None:
        client = browser("procurement")

        response = client.get(f"/admin/suppliers/supplier/export/csv/?{query}")

        assert response.status_code == 302
        assert "Nothing has been exported" in text_of(client.get(response["Location"]))
        assert not AuditEntry.objects.filter(entity_type="list").exists()

    def test_that_is_too_long_for_a_sheet_leads_back_and_says_so(
        self, browser: Browser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(exports, "MOST_ROWS", 2)
        client = browser("procurement")

        response = client.get("/admin/suppliers/supplier/export/xlsx/?o=1", follow=True)

        assert "more than 2 rows. Ask for CSV, or narrow it" in text_of(response)
        assert response.redirect_chain[0][0] == "/admin/suppliers/supplier/?o=1"


class TestAnEmptyList:
    def test_offers_no_file(self, browser: Browser) -> None:
        assert links(browser("admin").get("/admin/suppliers/supplier/")) == {}


@pytest.mark.parametrize(("shown", "said"), [
    ("–", ""), ("plain <b>", "plain <b>"), (7, 7), (None, None),
    (mark_safe('<span class="badge">At risk</span>'), "At risk"),
    (mark_safe('API<br><a class="mono" href="/x?a=1&amp;b=2" title="All">abc</a>'), "API; abc"),
    (mark_safe('<div class="change"><b>due</b> – → 1</div><div class="change"><b>a</b> x &lt;y&gt;</div>'),
     "due – → 1; a x <y>"),
    (mark_safe('<p>a</p><details class="more"><summary>1 more</summary><p>b</p></details>'), "a; b"),
])  # fmt: skip
def test_a_cell_says_what_people_read(shown: Any, said: Any) -> None:
    assert told(shown) == said
