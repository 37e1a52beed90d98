"""The figures as charts: each on its page with its table, and the cells of the grid lead to what they count."""

from __future__ import annotations

import re

import pytest

from kpi.admin.charts import charts_of, trends_panel
from kpi.quality import quality_figures
from qhse import clock
from qhse.adminsite.tests.conftest import Browser, text_of
from suppliers.choices import RiskLevel
from suppliers.models import Supplier
from suppliers.reassessment import reassess_suppliers

pytestmark = pytest.mark.django_db
CHARTS = ("chart-months", "chart-ages", "chart-categories", "chart-suppliers", "chart-ppm", "chart-ending")


@pytest.fixture
def browser(client, users) -> Browser:
    def of(role):
        client.force_login(users[role])
        return client

    return of


@pytest.fixture
def some_work(make_supplier, make_nc):
    supplier = make_supplier(name="Hansa Forge GmbH")
    make_nc(supplier_id=supplier.pk, severity="high")
    return supplier


class TestTheFiguresPage:
    def test_has_no_chart_where_there_is_nothing_to_see(self, browser):
        page = text_of(browser("quality").get("/admin/figures/"))

        assert 'role="img"' not in page
        assert "No case is open." in page

    def test_has_the_table_of_each_chart_behind_it(self, browser, some_work):
        page = text_of(browser("auditor").get("/admin/figures/"))

        drawn = set(re.findall(r'aria-labelledby="(chart-\w+)-title ', page))
        assert {"chart-months", "chart-ages", "chart-categories", "chart-suppliers"} <= drawn <= set(CHARTS)
        assert page.count('<details class="behind">') == len(drawn)

    def test_draws_what_the_api_tells(self, some_work):
        figures = quality_figures()

        charts = charts_of(figures, is_now=True)

        assert charts["months"].rows[-1] == (figures.by_month[-1]["month"], "1", "0", "1")
        assert charts["suppliers"].rows == [("Hansa Forge GmbH", "1", "100.0%")]
        assert charts["categories"].rows == [("Not said", "1", "100.0%")]


class TestTheGrid:
    def test_leads_from_each_cell_to_the_suppliers_that_it_counts(self, browser, make_supplier):
        for number, (level, criticality) in enumerate(
            [("high", "A"), ("high", "A"), ("low", "A"), ("critical", "C"), ("low", "B")]
        ):
            pk = make_supplier(name=f"Supplier {number}").pk
            score = {"low": 5, "high": 60, "critical": 90}[level]
            Supplier.objects.filter(pk=pk).update(
                risk_level=level, risk_score=score, criticality=criticality, risk_assessed_at=clock.present()
            )
        client = browser("quality")
        grid = trends_panel(client.get("/admin/").wsgi_request)["levels"]

        led = [
            (cell.figure, client.get(cell.url).context["cl"].result_count)
            for _, cells, _ in grid.rows for cell in cells if cell.url
        ]  # fmt: skip

        assert led == [("1", 1), ("2", 2), ("1", 1), ("1", 1)]

    def test_has_the_highest_level_on_top_and_those_without_one_below(self, make_supplier):
        make_supplier()

        rows = charts_of(quality_figures(), is_now=True)["levels"].rows

        assert [head for head, *_ in rows] == [*(str(each.label) for each in reversed(RiskLevel)), "Not assessed"]
        assert [total for *_, total in rows] == ["0", "0", "0", "0", "1"]

    def test_leads_nowhere_where_its_numbers_are_of_another_day(self, browser, some_work):
        reassess_suppliers(supplier_ids=[some_work.pk])
        client = browser("quality")
        leads = "?risk_level="

        assert leads in text_of(client.get("/admin/figures/"))
        assert leads not in text_of(client.get("/admin/figures/", {"supplier_id": some_work.pk}))


class TestTheOverview:
    @pytest.mark.parametrize(("role", "sees"), [("quality", 1), ("auditor", 1), ("admin", 1), ("procurement", 0)])
    def test_shows_trends_to_who_may_read_the_figures(self, browser, some_work, role, sees):
        page = text_of(browser(role).get("/admin/"))

        assert page.count('<div class="trends">') == sees
        assert page.count('id="trend-months"') == sees

    def test_without_any_record_says_so(self, browser):
        page = text_of(browser("quality").get("/admin/"))

        assert "No case was recorded" in page and "There is no supplier yet." in page
