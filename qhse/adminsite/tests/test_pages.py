"""What the pages show: the open work first, the history of each record, figures that lead to their list."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import timezone

from audit.models import AuditEntry
from ncs.services import close_nonconformity
from outbox.models import OutboxEvent
from qhse.adminsite.tests.conftest import REQUEST_ID, Browser, Records, text_of
from suppliers.models import Supplier


def numbers_in(page: Any) -> list[str]:
    """Return the NC numbers of a list, in its order."""
    return re.findall(r">(NC-\d{4}-\d+)</a></th>", text_of(page))


def words(page: Any) -> str:
    """Return what a reader reads, on one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", text_of(page)).split())


class TestTheListOfNonConformities:
    def test_shows_the_open_ones_unless_asked_otherwise(self, browser: Browser, records: Records) -> None:
        client = browser("quality")

        shown = {
            query: numbers_in(client.get(f"/admin/ncs/nonconformity/{query}"))
            for query in ("", "?status=OPEN", "?status=CLOSED", "?status=all")
        }

        opened, closed = records.open_nc.number, records.closed_nc.number
        assert shown == {
            "": [opened],
            "?status=OPEN": [opened],
            "?status=CLOSED": [closed],
            "?status=all": [closed, opened],
        }

    def test_finds_a_closed_one_too_by_any_form_of_its_number(self, browser: Browser, records: Records) -> None:
        client = browser("quality")
        nc = records.closed_nc

        for term in (nc.number, nc.number.lower(), f"{nc.pk}", f" {nc.pk:05d} "):
            assert nc.number in numbers_in(client.get("/admin/ncs/nonconformity/", {"q": term})), term

    @pytest.mark.parametrize("term", ["hansa", "HANSA forge", "Ｈａｎｓａ", "bore diameter", "4711"])
    def test_finds_by_supplier_and_by_text(self, term: str, browser: Browser, records: Records) -> None:
        found = numbers_in(browser("quality").get("/admin/ncs/nonconformity/", {"q": term}))

        assert records.open_nc.number in found

    def test_sorts_severity_by_weight_and_not_by_letter(self, browser: Browser, make_nc: Any) -> None:
        medium, high, low = (make_nc(severity=severity).number for severity in ("medium", "high", "low"))

        heaviest_first = numbers_in(browser("quality").get("/admin/ncs/nonconformity/?o=-2"))

        assert heaviest_first == [high, medium, low]

    def test_of_one_supplier_names_it_in_the_filter(self, browser: Browser, records: Records, make_nc: Any) -> None:
        other = make_nc()

        page = browser("quality").get(f"/admin/ncs/nonconformity/?supplier={records.supplier.pk}&status=all")

        assert numbers_in(page) == [records.closed_nc.number, records.open_nc.number]
        assert other.number not in text_of(page)
        assert "By supplier All Hansa Forge GmbH" in words(page)

    def test_says_so_when_there_is_nothing(self, browser: Browser) -> None:
        client = browser("quality")

        assert "No non-conformities match this search" in words(client.get("/admin/ncs/nonconformity/", {"q": "zinc"}))
        assert "No supplier has been recorded yet." in words(client.get("/admin/suppliers/supplier/"))

    def test_costs_no_query_per_row(self, browser: Browser, make_nc: Any, django_assert_max_num_queries: Any) -> None:
        for _ in range(10):
            make_nc()
        client = browser("quality")
        client.get("/admin/")  # the first use of a session is noted

        with django_assert_max_num_queries(7):
            client.get("/admin/ncs/nonconformity/")


class TestTheHistoryOfARecord:
    def test_stands_on_its_page_with_old_and_new_value_reason_and_person(
        self, browser: Browser, records: Records
    ) -> None:
        browser("quality").post(f"/admin/ncs/nonconformity/{records.open_nc.pk}/change/", {"reason": "Lot sorted"})

        for role in ("quality", "procurement", "auditor", "admin"):
            shown = words(browser(role).get(f"/admin/ncs/nonconformity/{records.open_nc.pk}/change/"))

            assert "Non-conformity closed status Open → Closed closed as – → Corrected" in shown, role
            assert "Lot sorted admin site admin-test-7" in shown, role
            assert "severity – → High" in shown, role
            assert "supplier – → Hansa Forge GmbH" in shown, role

    @pytest.mark.parametrize(
        "page", ["suppliers/supplier/{supplier}", "outbox/outboxevent/{event}", "accounts/user/{user}"]
    )
    def test_stands_on_every_kind_of_page(self, page: str, browser: Browser, records: Records) -> None:
        path = page.format(supplier=records.supplier.pk, event=records.dead_event.pk, user=records.user.pk)
        client = browser("admin")
        client.post(f"/admin/outbox/outboxevent/{records.dead_event.pk}/change/", {"reason": "Try again"})

        shown = client.get(f"/admin/{path}/change/")

        assert 'id="history"' in text_of(shown)
        assert re.search("Supplier recorded|Event put back to be handled again|User recorded", text_of(shown))

    def test_is_where_djangos_own_history_page_leads(self, browser: Browser, records: Records) -> None:
        response = browser("quality").get(f"/admin/ncs/nonconformity/{records.open_nc.pk}/history/")

        assert response["Location"] == f"/admin/ncs/nonconformity/{records.open_nc.pk}/change/#history"

    def test_leads_an_auditor_to_all_that_the_same_request_changed(self, browser: Browser, records: Records) -> None:
        path = f"/admin/ncs/nonconformity/{records.open_nc.pk}/change/"
        browser("quality").post(path, {"reason": "Lot sorted"})
        trail = f"/admin/audit/auditentry/?request_id={REQUEST_ID}"

        assert trail in text_of(browser("auditor").get(path))
        assert trail not in text_of(browser("quality").get(path))
        assert text_of(browser("auditor").get(trail)).count('class="action-checkbox"') == 1
        assert "Non-conformity closed" in text_of(browser("auditor").get(trail))


class TestThePageOfANonConformity:
    def test_shows_an_open_one_with_its_supplier_and_one_button(self, browser: Browser, records: Records) -> None:
        shown = text_of(browser("quality").get(f"/admin/ncs/nonconformity/{records.open_nc.pk}/change/"))

        assert f'<a href="/admin/suppliers/supplier/{records.supplier.pk}/change/">Hansa Forge GmbH</a>' in shown
        assert "Lot 4711: bore diameter 12.08 mm, tolerance 12.00 ± 0.02 mm" in shown
        assert re.findall(r'<input type="submit" value="([^"]+)"', shown) == ["Close non-conformity"]

    def test_shows_a_closed_one_that_can_only_be_opened_again(self, browser: Browser, records: Records) -> None:
        shown = text_of(browser("quality").get(f"/admin/ncs/nonconformity/{records.closed_nc.pk}/change/"))

        assert "Relabelled and inspected" in shown
        assert 'type="submit" value' not in shown
        assert "?step=reopen" in shown
        reader = text_of(browser("auditor").get(f"/admin/ncs/nonconformity/{records.closed_nc.pk}/change/"))
        assert "?step=" not in reader

    def test_links_no_page_that_its_reader_may_not_open(self, browser: Browser, records: Records) -> None:
        shown = text_of(browser("quality").get(f"/admin/ncs/nonconformity/{records.open_nc.pk}/change/"))

        assert "/admin/accounts/" not in shown
        assert "/admin/audit/" not in shown

    def test_never_offers_to_delete_or_to_look_at_djangos_history(self, browser: Browser, records: Records) -> None:
        for page in (f"ncs/nonconformity/{records.open_nc.pk}", f"accounts/user/{records.user.pk}"):
            shown = text_of(browser("admin").get(f"/admin/{page}/change/"))

            for leftover in ("deletelink", "historylink", "_addanother", "_continue", "/delete/"):
                assert leftover not in shown


class TestThePageOfASupplier:
    def test_lists_its_open_ncs_and_no_others(self, browser: Browser, records: Records, make_nc: Any) -> None:
        other = make_nc()

        shown = text_of(browser("procurement").get(f"/admin/suppliers/supplier/{records.supplier.pk}/change/"))

        assert f'/admin/ncs/nonconformity/{records.open_nc.pk}/change/">' in shown
        assert f">{records.open_nc.number}<" in shown
        assert records.closed_nc.number not in shown
        assert other.number not in shown

    def test_shows_points_that_sum_to_the_score(
        self, browser: Browser, make_supplier: Any, make_nc: Any, drain: Any
    ) -> None:
        supplier = make_supplier(certification_expiry=timezone.now().date() - timedelta(days=3))
        make_nc(supplier_id=supplier.pk, severity="high")
        drain()

        shown = text_of(browser("quality").get(f"/admin/suppliers/supplier/{supplier.pk}/change/"))
        table = re.search(r'<table class="sum">.*?</table>', shown, re.S)

        assert table is not None
        *points, total = [int(cell) for cell in re.findall(r"<td>(\d+)</td>", table[0])]
        assert points
        assert sum(points) == total == Supplier.objects.get(pk=supplier.pk).risk_score
        assert "expired 3 days ago" in shown

    @pytest.mark.parametrize(
        ("days_left", "says"),
        [(-1, "expired 1 day ago"), (0, "0 days left"), (1, "1 day left"), (400, "400 days left")],
    )
    def test_says_how_many_days_the_certification_has_left(
        self, days_left: int, says: str, browser: Browser, make_supplier: Any
    ) -> None:
        supplier = make_supplier(certification_expiry=timezone.now().date() + timedelta(days=days_left))

        shown = words(browser("auditor").get(f"/admin/suppliers/supplier/{supplier.pk}/change/"))

        assert says in shown

    def test_tells_when_the_worker_has_not_assessed_it_yet_or_is_behind(
        self, browser: Browser, make_supplier: Any, make_nc: Any, drain: Any
    ) -> None:
        supplier = make_supplier()
        client = browser("quality")
        path = f"/admin/suppliers/supplier/{supplier.pk}/change/"

        new = words(client.get(path))
        make_nc(supplier_id=supplier.pk)
        drain()
        assessed = words(client.get(path))
        make_nc(supplier_id=supplier.pk, severity="high")
        outdated = words(client.get(path))

        assert "has not been assessed yet" in new
        assert "Looked at last on" in assessed
        assert "the worker is behind" not in assessed
        assert "the worker is behind" in outdated


class TestTheListOfSuppliers:
    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("?certification=expired", {"Expired"}),
            ("?certification=30", {"Soon"}),
            ("?certification=unknown", {"Unknown"}),
            ("?at_risk=yes", {"Expired"}),
            ("?at_risk=no", {"Soon", "Later", "Unknown"}),
            ("?q=LATER", {"Later"}),
        ],
    )
    def test_filters(self, query: str, expected: set[str], browser: Browser, make_supplier: Any) -> None:
        today = timezone.now().date()
        for name, expiry in {
            "Expired": today - timedelta(days=1), "Soon": today + timedelta(days=30),
            "Later": date(2150, 1, 1), "Unknown": None,
        }.items():  # fmt: skip
            make_supplier(name=name, certification_expiry=expiry)

        page = browser("procurement").get(f"/admin/suppliers/supplier/{query}")

        assert set(re.findall(r'/change/[^"]*">(\w+)</a></th>', text_of(page))) == expected


class TestTheOutbox:
    def test_shows_the_error_of_a_dead_event_and_the_buttons(self, browser: Browser, records: Records) -> None:
        shown = text_of(browser("admin").get(f"/admin/outbox/outboxevent/{records.dead_event.pk}/change/"))

        assert "KeyError: &#x27;lot&#x27;" in shown
        assert "in reassess" in shown
        assert re.findall(r'<input type="submit" value="([^"]+)"', shown) == [
            "Requeue event",
            "Dismiss event",
        ]

    def test_shows_an_event_that_is_not_dead_without_a_button(self, browser: Browser, records: Records) -> None:
        shown = text_of(browser("admin").get(f"/admin/outbox/outboxevent/{records.pending_event.pk}/change/"))

        assert 'type="submit" value' not in shown

    @pytest.mark.parametrize("field", ["event_id", "aggregate_id"])
    def test_finds_an_event(self, field: str, browser: Browser, records: Records) -> None:
        event = OutboxEvent.objects.get(pk=records.dead_event.pk)

        page = browser("admin").get("/admin/outbox/outboxevent/", {"q": str(getattr(event, field))})

        assert f"/admin/outbox/outboxevent/{event.pk}/change/" in text_of(page)


BUYERS = {"Volumes of a month set", "File checked for an import", "Certificate handed in"}
QUALITYS = {
    "Non-conformity recorded",
    "Non-conformity closed",
    "Action agreed on",
    "File attached",
    "File declared void",
    "Action cancelled",
}


class TestTheAuditTrail:
    def test_links_a_record_only_for_who_may_open_it(self, browser: Browser, records: Records) -> None:
        auditors = text_of(browser("auditor").get("/admin/audit/auditentry/"))
        admins = text_of(browser("admin").get("/admin/audit/auditentry/"))

        assert f"/admin/ncs/nonconformity/{records.open_nc.pk}/change/" in auditors
        assert "/admin/accounts/" not in auditors
        assert f"/admin/accounts/user/{records.user.pk}/change/" in admins

    @pytest.mark.parametrize(
        ("query", "actions"),
        [
            ("?action=NC_CLOSED", {"Non-conformity closed"}),
            ("?entity_type=supplier", {"Supplier recorded", "Volumes of a month set"}),
            ("?about=business", {"Supplier recorded", *BUYERS, *QUALITYS}),
            ("?about=people", {"User recorded"}),
            ("?about=technical", {"Webhook created", "Webhook paused"}),
            ("?actor_role=quality", QUALITYS),
            ("?actor_role=system", {"User recorded"}),
            ("?source=worker", set()),
        ],
    )
    def test_filters(self, query: str, actions: set[str], browser: Browser, records: Records) -> None:
        page = text_of(browser("auditor").get(f"/admin/audit/auditentry/{query}"))

        assert set(re.findall(r'<td class="field-what">([^<]+)</td>', page)) == actions
        assert AuditEntry.objects.filter(actor_role="system").exists()


class TestTheFirstPage:
    @pytest.mark.parametrize("role", ["quality", "auditor", "admin"])
    def test_has_figures_that_lead_to_lists_of_as_many_records(
        self, role: str, browser: Browser, records: Records, make_supplier: Any, users: dict[str, Any]
    ) -> None:
        make_supplier(certification_expiry=timezone.now().date() - timedelta(days=1))
        make_supplier(certification_expiry=timezone.now().date() + timedelta(days=90))
        client = browser(role)

        page = text_of(client.get("/admin/"))
        tiles = re.findall(r'<a class="tile[^"]*" href="([^"]+)"><b>(\d+)</b>', page)

        assert len(tiles) == (8 if role == "admin" else 6)
        for url, number in tiles:
            listed = client.get(url.replace("&amp;", "&"))
            assert listed.context["cl"].result_count == int(number), url

    def test_has_no_figures_for_a_role_that_may_not_read_them(self, browser: Browser, records: Records) -> None:
        page = text_of(browser("procurement").get("/admin/"))

        assert 'class="tile' not in page
        assert "Certificates to renew" in page

    def test_shows_quality_the_open_severe_ncs(self, browser: Browser, records: Records, users: dict[str, Any]) -> None:
        client = browser("quality")

        before = text_of(client.get("/admin/"))
        close_nonconformity(nc_id=records.open_nc.pk, actor=users["quality"], reason="Sorted")
        after = text_of(client.get("/admin/"))

        assert records.open_nc.number in before
        assert "No open non-conformity has severity high." in after

    def test_shows_an_auditor_no_work_of_others(self, browser: Browser, records: Records) -> None:
        page = text_of(browser("auditor").get("/admin/"))

        assert "Certificates to renew" not in page
        assert "oldest first" not in page


class TestRefusalPages:
    def test_say_what_happened_in_words(self, browser: Browser) -> None:
        forbidden = browser("quality").get("/admin/accounts/user/")
        missing = browser("quality").get("/admin/nosuch/")

        assert (forbidden.status_code, missing.status_code) == (403, 404)
        assert "Your role may not do this" in text_of(forbidden)
        assert "There is no such page" in text_of(missing)
