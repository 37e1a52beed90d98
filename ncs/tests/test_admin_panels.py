"""Open NCs on their supplier's page for everybody, on the first page for whoever closes them."""

from __future__ import annotations

import re

import pytest
from django.test import RequestFactory

from ncs.admin.panels import PANEL_ROWS, WORK_ROWS, open_ncs_panel, severe_panel
from ncs.services import close_nonconformity
from qhse.observability import context

pytestmark = pytest.mark.django_db


@pytest.fixture
def request_of(users):
    def make(role):
        request = RequestFactory().get("/admin/")
        request.user = users[role]
        return request

    return make


def numbers_in(panel):
    """Return the NC numbers that a panel lists, in its order."""
    return [re.search(r">(NC-\d{4}-\d+)<", str(row[0]))[1] for row in panel["rows"]]


class TestOpenNcsPanel:
    @pytest.mark.parametrize("role", ["quality", "procurement", "auditor", "admin"])
    def test_lists_the_open_ncs_of_this_supplier_for_everybody(self, users, request_of, make_supplier, make_nc, role):
        supplier = make_supplier()
        nc, closed = make_nc(supplier_id=supplier.pk), make_nc(supplier_id=supplier.pk)
        close_nonconformity(nc_id=closed.pk, actor=users["quality"])
        make_nc()

        assert numbers_in(open_ncs_panel(request_of(role), supplier)) == [nc.number]

    def test_puts_the_severest_first_and_of_those_the_oldest(self, request_of, make_supplier, make_nc):
        supplier = make_supplier()
        low, first_high, medium, second_high = (
            make_nc(supplier_id=supplier.pk, severity=severity).number for severity in ("low", "high", "medium", "high")
        )

        listed = numbers_in(open_ncs_panel(request_of("quality"), supplier))

        assert listed == [first_high, second_high, medium, low]

    def test_shows_the_first_few_and_leads_to_all_the_closed_ones_too(self, request_of, make_supplier, make_nc):
        supplier = make_supplier()
        for _ in range(PANEL_ROWS + 1):
            make_nc(supplier_id=supplier.pk)
        supplier.refresh_from_db()

        panel = open_ncs_panel(request_of("auditor"), supplier)

        assert len(panel["rows"]) == PANEL_ROWS
        assert panel["links"] == [
            (f"/admin/ncs/nonconformity/?supplier={supplier.pk}&status=all", "All non-conformities (21)")
        ]

    @pytest.mark.parametrize(("role", "offered"), [("quality", True), ("admin", True), ("procurement", False)])
    def test_offers_a_new_one_to_who_may_report_it(self, request_of, make_supplier, role, offered):
        supplier = make_supplier()

        panel = open_ncs_panel(request_of(role), supplier)

        new_one = (f"/admin/ncs/nonconformity/add/?supplier={supplier.pk}", "Report a new one")
        assert (new_one in panel["links"]) is offered
        assert panel["empty"] == "None is open."


class TestSeverePanel:
    @pytest.mark.parametrize("role", ["procurement", "auditor"])
    def test_is_not_shown_to_who_may_not_close(self, request_of, role):
        assert severe_panel(request_of(role)) is None

    @pytest.mark.parametrize("role", ["quality", "admin"])
    def test_lists_the_open_ones_of_severity_high_the_oldest_first(self, users, request_of, make_nc, role):
        first, second, closed = (make_nc(severity="high") for _ in range(3))
        make_nc(severity="medium")
        close_nonconformity(nc_id=closed.pk, actor=users["quality"])

        assert numbers_in(severe_panel(request_of(role))) == [first.number, second.number]

    def test_shows_a_few_and_leads_to_all(self, request_of, make_supplier, make_nc):
        supplier = make_supplier()
        for _ in range(WORK_ROWS + 1):
            make_nc(supplier_id=supplier.pk, severity="high")

        panel = severe_panel(request_of("quality"))

        assert len(panel["rows"]) == WORK_ROWS
        assert panel["links"][0] == ("/admin/ncs/nonconformity/?status=OPEN&severity__exact=high", "All of them")

    def test_names_the_supplier_of_each_without_asking_for_each(
        self, request_of, make_supplier, make_nc, django_assert_max_num_queries
    ):
        for _ in range(WORK_ROWS):
            make_nc(supplier_id=make_supplier().pk, severity="high")
        request = request_of("quality")

        # In a request, as any page: the database is asked for the time once.
        with context.use(request_id="", source="admin"), django_assert_max_num_queries(2):
            rows = severe_panel(request)["rows"]

        assert all("Hansa Forge" in str(row[1]) for row in rows)

    def test_says_so_when_nothing_severe_is_open(self, request_of, make_nc):
        make_nc(severity="medium")

        panel = severe_panel(request_of("quality"))

        assert (panel["rows"], panel["empty"]) == ([], "No open non-conformity has severity high.")
