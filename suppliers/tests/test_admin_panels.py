"""Certifications to renew, on the first page of whoever may renew them."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import RequestFactory
from django.utils import timezone

from suppliers.admin.panels import PANEL_ROWS, renewals_panel

pytestmark = pytest.mark.django_db


@pytest.fixture
def panel_for(users):
    """Return what the panel shows to a role."""

    def show(role):
        request = RequestFactory().get("/admin/")
        request.user = users[role]
        return renewals_panel(request)

    return show


@pytest.fixture
def certified_for(make_supplier):
    def make(days_left):
        return make_supplier(certification_expiry=timezone.now().date() + timedelta(days=days_left))

    return make


class TestRenewalsPanel:
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

        links = [str(supplier) for supplier, _ in panel_for(role)["rows"]]

        assert [int(re.search(r"/supplier/(\d+)/", link)[1]) for link in links] == [
            expired.pk,
            ends_today.pk,
            ends_last.pk,
        ]

    def test_says_how_urgent_each_is(self, panel_for, certified_for):
        certified_for(-3)
        certified_for(1)

        urgency = [str(certification) for _, certification in panel_for("procurement")["rows"]]

        assert "expired 3 days ago" in urgency[0]
        assert "1 day left" in urgency[1]

    def test_shows_a_few_and_leads_to_all(self, panel_for, certified_for):
        for _ in range(PANEL_ROWS + 1):
            certified_for(-1)

        panel = panel_for("procurement")

        assert len(panel["rows"]) == PANEL_ROWS
        assert panel["links"] == (
            ("/admin/suppliers/supplier/?certification=expired", "All expired"),
            ("/admin/suppliers/supplier/?certification=90", "All ending within 90 days"),
        )

    def test_says_so_when_there_is_nothing_to_renew(self, panel_for, certified_for):
        certified_for(91)

        panel = panel_for("procurement")

        assert (panel["rows"], panel["empty"]) == ([], "None ends within 90 days.")
