"""The database's clock says what day it is: for rights, risk, key figures and lists, wherever the application runs."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from kpi.selectors import current_kpi
from qhse import clock
from qhse.database import database_time
from qhse.observability import context
from qhse.periodic import jobs
from suppliers.models import Supplier

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


class TestOneDay:
    def test_holds_the_day_and_no_moment_until_it_is_over(self, monkeypatch):
        moments = [datetime(2026, 11, day, 12, tzinfo=UTC) for day in (27, 28, 29)]
        monkeypatch.setattr(clock, "present", lambda: moments.pop(0))

        with clock.one_day() as day:
            assert (day, clock.today(), clock.present().day) == (date(2026, 11, 27), day, 28)

        assert clock.today().day == 29

    def test_is_over_when_the_work_fails(self, monkeypatch):
        moments = [datetime(2026, 11, day, 12, tzinfo=UTC) for day in (27, 28)]
        monkeypatch.setattr(clock, "present", lambda: moments.pop(0))
        with pytest.raises(ZeroDivisionError), clock.one_day():
            1 / 0  # noqa: B018

        assert clock.today().day == 28


class TestPresent:
    def test_is_asked_once_in_a_request(self, db):
        with CaptureQueriesContext(connection) as asked, context.use(request_id="1", source="api"):
            times = {clock.present() for _ in range(3)}

        assert len(times) == 1
        assert len(asked) == (connection.vendor == "postgresql")

    def test_is_asked_anew_in_the_next_request(self, db):
        times = []
        for _ in range(2):
            with context.use(request_id="1", source="api"):
                times.append(clock.present())

        assert times[0] < times[1]

    @pytest.mark.parametrize("source", ["worker", "command"])
    def test_goes_on_where_work_can_last_past_midnight(self, db, source):
        with context.use(request_id="", source=source):
            assert clock.present() < clock.present()

    def test_is_not_asked_for_each_row_of_a_list(self, api, make_supplier):
        for _ in range(3):
            make_supplier(certification_expiry=clock.today())
        client = api("quality")
        with CaptureQueriesContext(connection) as of_three:
            client.get("/suppliers")
        for _ in range(5):
            make_supplier(certification_expiry=clock.today())
        with CaptureQueriesContext(connection) as of_eight:
            client.get("/suppliers")

        assert len(of_eight) == len(of_three)


@pytest.mark.parametrize("moment", ["2026-03-01T00:30:00+14:00", "2026-02-28T23:59:59.999999+00:00"])
def test_today_is_a_day_in_utc(db, monkeypatch, moment):
    monkeypatch.setattr(clock, "database_time", lambda: datetime.fromisoformat(moment))

    assert str(clock.today()) == "2026-02-28"


def expiries(make_supplier) -> dict[str, Supplier]:
    today = database_time().astimezone(UTC).date()
    return {
        "ended yesterday": make_supplier(certification_expiry=today - DAY),
        "ends today": make_supplier(certification_expiry=today),
    }


def at_risk_everywhere(api, users) -> list[set[str]]:
    """Return the suppliers at risk by the API's field, by its filter, by the admin's list and by the command."""
    client, browser = api("quality"), Client()
    browser.force_login(users["quality"])
    field = {each["name"] for each in client.get("/suppliers").json()["results"] if each["is_at_risk"]}
    filtered = {each["name"] for each in client.get("/suppliers", {"at_risk": "true"}).json()["results"]}
    page = browser.get("/admin/suppliers/supplier/?at_risk=yes").content.decode()
    listed = {each.name for each in Supplier.objects.all() if f">{each.name}<" in page}
    call_command("reassess_suppliers", stdout=StringIO())
    concluded = set(Supplier.objects.exclude(risk_level="low").values_list("name", flat=True))
    return [field, filtered, listed, concluded]


class TestTheDay:
    @pytest.mark.postgres
    @pytest.mark.parametrize("days", [-2, 2])
    def test_is_the_databases_whatever_the_host_says(self, api, users, make_supplier, monkeypatch, days):
        made = expiries(make_supplier)
        client = api("quality")
        right = timezone.now
        monkeypatch.setattr(timezone, "now", lambda: right() + timedelta(days=days))

        assert at_risk_everywhere(lambda role: client, users) == [{made["ended yesterday"].name}] * 4
        assert (kpi := current_kpi()).certifications_expired == kpi.suppliers_at_risk == 1
        assert abs(kpi.as_of - database_time()) < timedelta(minutes=1)

    @pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/Los_Angeles", "UTC"])
    def test_is_one_wherever_the_host_stands(self, api, users, make_supplier, monkeypatch, zone):
        made = expiries(make_supplier)
        try:
            monkeypatch.setenv("TZ", zone)
            time.tzset()
            assert at_risk_everywhere(api, users) == [{made["ended yesterday"].name}] * 4
        finally:
            monkeypatch.undo()
            time.tzset()


@pytest.mark.parametrize("days", [-1, 1])
@pytest.mark.parametrize("job", ["tell_what_ends", "supersede_what_was_renewed", "tell_what_is_late"])
def test_nothing_is_told_of_days_while_two_clocks_are_of_different_ones(monkeypatch, job, days):
    right = timezone.now()
    monkeypatch.setattr(clock, "database_time", lambda: right + timedelta(days=days))

    with pytest.raises(clock.ClocksDisagree, match="set the wrong one right"):
        jobs[job].work()

    monkeypatch.setattr(clock, "database_time", lambda: right + timedelta(hours=11))
    jobs[job].work()
