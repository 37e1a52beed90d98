"""The tiles on the first page of the admin: for those who may read the key figures."""

from __future__ import annotations

import re

import pytest
from django.template.loader import render_to_string
from django.test import RequestFactory

from kpi.admin import kpi_panel
from kpi.permissions import KPI_ROLES, KpiPermission
from kpi.selectors import Kpi
from qhse.accounts.roles import Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def panel_for(users):
    """Return what the panel shows to a role."""

    def show(role):
        request = RequestFactory().get("/admin/")
        request.user = users[role]
        return kpi_panel(request)

    return show


def tiles_of(panel):
    """Return (kind, figure, text, address or nothing) of each tile."""
    page = render_to_string(panel["template"], {"panel": panel})
    tile = r'<(?:a|div) class="tile(?: tile-(\w+))?"(?: href="([^"]+)")?><b>(\d+)</b> ([^<]+)<'
    return [(kind, int(figure), text.strip(), url) for kind, url, figure, text in re.findall(tile, page)]


class TestKpiPanel:
    def test_is_not_shown_to_procurement(self, panel_for):
        assert panel_for("procurement") is None

    @pytest.mark.parametrize("role", ["quality", "auditor", "admin"])
    def test_shows_the_figures_of_this_moment(self, panel_for, make_nc, role):
        make_nc(severity="high")

        kpi = panel_for(role)["kpi"]

        assert isinstance(kpi, Kpi)
        assert (kpi.nc_open_high, kpi.suppliers_at_risk) == (1, 1)

    def test_colours_what_somebody_has_to_look_at_and_nothing_else(self, panel_for, make_nc):
        quiet = {text for kind, _, text, _ in tiles_of(panel_for("admin")) if kind}
        make_nc(severity="high")

        loud = {text: kind for kind, _, text, _ in tiles_of(panel_for("admin")) if kind}

        assert quiet == set()
        assert loud == {"open NCs, severity high": "bad", "of 1 suppliers at risk": "warn"}

    def test_leads_to_the_outbox_only_who_may_open_it(self, panel_for):
        addresses = {role: [url for *_, url in tiles_of(panel_for(role))] for role in ("admin", "quality")}

        assert "/admin/outbox/outboxevent/?status__exact=FAILED" in addresses["admin"]
        assert not [url for url in addresses["quality"] if "outbox" in url]

    def test_leads_to_the_certifications_that_its_figure_counts(self, panel_for):
        addresses = {text: url for *_, text, url in tiles_of(panel_for("quality"))}

        assert addresses["declared certifications end within 90 days"] == "/admin/suppliers/supplier/?certification=90"


class TestKpiRoles:
    def test_let_everybody_read_but_procurement(self):
        assert {"retrieve": {Role.QUALITY, Role.AUDITOR, Role.ADMIN}} == KPI_ROLES

    def test_are_what_the_api_asks(self):
        assert KpiPermission.table is KPI_ROLES
