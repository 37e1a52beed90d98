"""What is to be renewed, on the first page of whoever may renew it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import RequestFactory
from django.utils import timezone

from suppliers.admin.renewals import MOST_ROWS, to_renew_panel

pytestmark = pytest.mark.django_db


@pytest.fixture
def panel_for(users):
    """Return what the panel shows to a role."""

    def show(role):
        request = RequestFactory().get("/admin/")
        request.user = users[role]
        return to_renew_panel(request)

    return show


@pytest.fixture
def certified_for(make_supplier):
    def make(days_left):
        return make_supplier(certification_expiry=timezone.now().date() + timedelta(days=days_left))

    return make


class TestWhatIsToBeRenewed:
    @pytest.mark.parametrize("role", ["quality", "auditor"])
    def test_is_not_shown_to_who_may_not_renew(self, panel_for, role):
        assert panel_for(role) is None

    @pytest.mark.parametrize("role", ["procurement", "admin"])
    def test_lists_the_expired_and_those_that_end_within_90_days_the_most_urgent_first(
        self, panel_for, make_supplier, certified_for, role
    ):
        ends_last, expired, ends_today = certified_for(90), certified_for(-1), certified_for(0)
        certified_for(91)
        make_supplier(certification_expiry=None)

        links = [str(supplier) for supplier, *_ in panel_for(role)["rows"]]

        assert [int(re.search(r"/supplier/(\d+)/", link)[1]) for link in links] == [
            expired.pk,
            ends_today.pk,
            ends_last.pk,
        ]

    def test_says_how_urgent_each_is(self, panel_for, certified_for):
        certified_for(-3)
        certified_for(1)

        urgency = [str(until) for _, until, *_ in panel_for("procurement")["rows"]]

        assert "expired 3 days ago" in urgency[0]
        assert "1 day left" in urgency[1]

    def test_shows_a_few_and_leads_to_all(self, panel_for, certified_for):
        for _ in range(MOST_ROWS + 1):
            certified_for(-1)

        panel = panel_for("procurement")

        assert len(panel["rows"]) == MOST_ROWS
        assert panel["links"][:4] == (
            ("/admin/suppliers/certificate/?ending=60", "Certificates ending within 60 days"),
            ("/admin/suppliers/certificate/?ending=expired", "Expired certificates"),
            ("/admin/suppliers/supplier/?certification=90", "Declared dates within 90 days"),
            ("/admin/suppliers/supplier/?certification=expired", "Expired declared dates"),
        )

    def test_has_certificates_and_declared_dates_in_one_order(self, panel_for, certified_for, make_certificate):
        declared, proven, last = certified_for(10), make_certificate(days=20), certified_for(30)

        rows = panel_for("procurement")["rows"]

        suppliers = [re.search(r"/supplier/(\d+)/", str(supplier))[1] for supplier, *_ in rows]
        assert suppliers == [str(declared.pk), str(proven.supplier_id), str(last.pk)]
        assert [f"renews={proven.pk}" in str(renewal) for _, _, renewal, _ in rows] == [False, True, False]
        assert [f"add/?supplier={declared.pk}" in str(renewal) for _, _, renewal, _ in rows] == [True, False, False]
        assert ["Declared" in str(what) for *_, what in rows] == [True, False, True]

    def test_says_so_when_there_is_nothing_to_renew(self, panel_for, certified_for):
        certified_for(91)

        panel = panel_for("procurement")

        assert (panel["rows"], panel["empty"]) == ([], "None ends within 90 days without a later one at hand.")
