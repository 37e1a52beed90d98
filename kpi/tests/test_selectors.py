"""Each key figure is what a count of the rows would give at that moment."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection

from kpi.selectors import current_kpi
from ncs.services import close_nonconformity
from outbox.choices import EventStatus
from outbox.models import OutboxEvent
from suppliers.choices import RENEWAL_NOTICE_DAYS
from suppliers.models import Supplier

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 23, 23, 59, tzinfo=UTC)
TODAY = date(2026, 11, 23)


@pytest.fixture
def certified_for(make_supplier):
    def make(days_left):
        return make_supplier(certification_expiry=TODAY + timedelta(days=days_left))

    return make


class TestCurrentKpi:
    def test_counts_zero_and_not_nothing_where_there_is_nothing(self):
        kpi = current_kpi(now=NOW)

        assert (kpi.nc_total, kpi.nc_open, kpi.nc_open_high, kpi.nc_open_medium, kpi.nc_open_low) == (0,) * 5
        assert (kpi.nc_closed, kpi.suppliers_total, kpi.suppliers_at_risk) == (0, 0, 0)
        assert (kpi.outbox_pending, kpi.outbox_failed, kpi.outbox_oldest_pending_seconds) == (0, 0, None)

    def test_says_of_which_moment_it_is(self):
        assert current_kpi(now=NOW).as_of == NOW

    def test_sorts_open_ncs_by_severity_and_the_rest_into_closed(self, users, make_supplier, make_nc):
        one, other = make_supplier(), make_supplier()
        for supplier, severity in ((one, "high"), (one, "medium"), (other, "medium"), (other, "low"), (other, "low")):
            make_nc(supplier_id=supplier.pk, severity=severity)
        close_nonconformity(nc_id=make_nc(supplier_id=one.pk, severity="high").pk, actor=users["quality"])

        kpi = current_kpi(now=NOW)

        assert (kpi.nc_total, kpi.nc_open, kpi.nc_closed) == (6, 5, 1)
        assert (kpi.nc_open_high, kpi.nc_open_medium, kpi.nc_open_low) == (1, 2, 2)

    @pytest.mark.parametrize(
        ("days_left", "severity", "at_risk"),
        [(-1, None, 1), (0, None, 0), (1, None, 0), (1, "high", 1), (1, "medium", 0), (-1, "high", 1)],
        ids=["expired", "last day", "valid", "open high NC", "open medium NC", "both"],
    )
    def test_counts_a_supplier_at_risk_once_by_the_rule_of_the_supplier(
        self, certified_for, make_nc, days_left, severity, at_risk
    ):
        supplier = certified_for(days_left)
        if severity:
            make_nc(supplier_id=supplier.pk, severity=severity)

        assert current_kpi(now=NOW).suppliers_at_risk == at_risk
        assert Supplier.objects.at_risk(today=TODAY).count() == at_risk

    def test_sorts_certifications_into_expired_ending_soon_lasting_and_unknown(self, certified_for, make_supplier):
        for days_left in (-400, -1, 0, 1, 90, 91):
            certified_for(days_left)
        make_supplier(certification_expiry=None)

        kpi = current_kpi(now=NOW)

        assert kpi.suppliers_total == 7
        assert (kpi.certifications_expired, kpi.certifications_unknown) == (2, 1)
        assert kpi.certifications_expiring_90_days == 3

    def test_means_by_soon_the_days_that_the_figure_has_in_its_name(self):
        assert RENEWAL_NOTICE_DAYS == 90

    def test_begins_a_new_day_at_midnight_in_utc(self, certified_for):
        certified_for(0)

        assert current_kpi(now=NOW).certifications_expired == 0
        assert current_kpi(now=NOW + timedelta(minutes=1)).certifications_expired == 1

    def test_tells_events_that_wait_from_those_that_a_person_has_to_look_at(self, make_supplier, drain):
        make_supplier()
        drain()
        make_supplier()
        OutboxEvent.objects.filter(pk=OutboxEvent.objects.latest("id").pk).update(status=EventStatus.DEAD)
        make_supplier()

        kpi = current_kpi()

        assert (kpi.outbox_pending, kpi.outbox_failed) == (1, 1)
        assert kpi.outbox_oldest_pending_seconds >= 0

    def test_costs_as_many_statements_for_twenty_suppliers_as_for_one(
        self, make_supplier, make_nc, django_assert_num_queries
    ):
        make_nc()
        statements = 5 if connection.vendor == "postgresql" else 4  # PostgreSQL is asked for the time, here once
        with django_assert_num_queries(statements):
            current_kpi()

        for _ in range(19):
            make_nc()

        with django_assert_num_queries(statements):
            current_kpi()
