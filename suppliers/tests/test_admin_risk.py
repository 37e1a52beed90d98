"""The risk on the page of a supplier and on the first page: lines with links, history, and the override's steps."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client

from qhse import clock
from suppliers.models import Supplier

pytestmark = pytest.mark.django_db
LIST = "/admin/suppliers/supplier/"


@pytest.fixture
def browser(users):
    def of(role):
        client = Client()
        client.force_login(users[role])
        return client

    return of


@pytest.fixture
def risky(make_supplier, make_nc, drain):
    supplier = make_supplier(name="Hansa Forge GmbH")
    for _ in range(7):
        make_nc(supplier_id=supplier.pk, severity="high")
    drain()
    return supplier


def page_of(client, supplier, step=""):
    return client.get(f"{LIST}{supplier.pk}/change/{step}").content.decode()


class TestScore:
    def test_has_lines_that_add_up_with_links_to_the_newest_rows_and_the_number_of_the_others(self, browser, risky):
        shown = page_of(browser("auditor"), risky)
        panel = shown[shown.index('id="risk"') : shown.index('id="risk-history"')]

        points = [int(each) for each in re.findall(r"<td>(\d+)</td></tr>", panel)]
        assert points[-1] == sum(points[:-1]) == 50
        newest = risky.ncs.order_by("-id")[:5]
        assert [f"/nonconformity/{nc.pk}/change/" in panel for nc in newest] == [True] * 5
        assert ", 2 more" in panel
        assert "Confidence is low" in panel

    def test_says_that_a_new_supplier_is_not_assessed_yet(self, browser, make_supplier):
        assert "has not been assessed yet" in page_of(browser("auditor"), make_supplier())

    def test_stands_above_its_history(self, browser, risky):
        shown = page_of(browser("auditor"), risky)

        history = shown[shown.index('id="risk-history"') :]
        assert "Open non-conformities: 7 high (30)" in history
        assert "Non-conformity recorded" in history


class TestOverride:
    def take(self, client, supplier, step, **values):
        return client.post(f"{LIST}{supplier.pk}/change/?step={step}", values)

    def until(self):
        return (clock.today() + timedelta(days=30)).isoformat()

    def test_has_a_form_with_level_end_and_reason(self, browser, risky):
        shown = page_of(browser("quality"), risky, "?step=override")

        assert all(f'name="{name}"' in shown for name in ("level", "until", "reason"))

    def test_is_taken_and_ended_on_the_page_and_says_what_is_computed(self, browser, risky):
        client = browser("quality")

        taken = self.take(client, risky, "override", level="low", until=self.until(), reason="Audited")
        assert taken.status_code == 302
        shown = page_of(client, risky)
        assert "The level is Low by override" in shown
        assert "Computed is High." in shown

        self.take(client, risky, "end_override", reason="Findings closed")
        assert Supplier.objects.get(pk=risky.pk).override is None
        assert "by override" not in page_of(client, risky).split('id="risk-history"')[0]

    def test_that_is_refused_says_so_beside_the_field(self, browser, risky):
        answer = self.take(browser("quality"), risky, "override", level="low", until="2199-01-01", reason="Audited")

        assert answer.status_code == 200
        assert "90 days at most" in answer.content.decode()
        assert answer.context["adminform"].form.errors.keys() == {"until"}

    @pytest.mark.parametrize("role", ["procurement", "auditor"])
    def test_is_not_offered_to_who_may_not(self, browser, risky, role):
        assert "step=override" not in page_of(browser(role), risky)
        self.take(browser(role), risky, "override", level="low", until=self.until(), reason="Audited")
        assert Supplier.objects.get(pk=risky.pk).override is None

    def test_is_not_offered_before_there_is_a_level(self, browser, make_supplier):
        assert "step=override" not in page_of(browser("quality"), make_supplier())


class TestWorstFirst:
    def test_is_one_click_from_the_first_page(self, browser, risky, make_supplier, drain):
        calm = make_supplier(name="Alpenguss AG")
        drain()
        client = browser("procurement")
        first = client.get("/admin/").content.decode()

        (query,) = re.findall(r'href="/admin/suppliers/supplier/\?(o=-\d+)"', first)
        listed = client.get(f"{LIST}?{query}").content.decode()

        order = [int(pk) for pk in dict.fromkeys(re.findall(r"/supplier/(\d+)/change/", listed))]
        assert order == [risky.pk, calm.pk]
        assert "Open non-conformities: 7 high" in first
