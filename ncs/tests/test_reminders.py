"""What has become late is told once, whoever looks and however often; another due date is told anew."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F

from audit.models import AuditEntry
from ncs.events import ActionOverdue, ContainmentLate, NonConformityOverdue
from ncs.models import NonConformity
from ncs.reminders import AT_ONCE, remind
from ncs.services import assign_nonconformity, close_nonconformity, contain_nonconformity
from outbox.models import OutboxEvent
from outbox.testing import assert_published, assert_publishes_nothing
from qhse.tests.waiting import at_once

pytestmark = pytest.mark.django_db


def make_older(row, **times):
    type(row).objects.filter(pk=row.pk).update(**{name: F(name) - time for name, time in times.items()})
    row.refresh_from_db()
    return row


def told(event_type):
    return OutboxEvent.objects.filter(event_type=event_type).count()


@pytest.fixture
def late(users, make_nc):
    """A case that was to be closed two days ago, and is contained."""
    nc = make_nc(owner_id=users["admin"].pk)
    contain_nonconformity(nc_id=nc.pk, containment="Blocked", actor=users["quality"])
    NonConformity.objects.filter(pk=nc.pk).update(due_on=nc.created_at.date() - timedelta(days=2))
    nc.refresh_from_db()
    return nc


class TestACase:
    def test_that_is_overdue_is_told_once_with_its_entry(self, users, late):
        assert remind() is False

        assert_published(
            NonConformityOverdue, nc_id=late.pk, due_on=late.due_on.isoformat(), days_late=2, owner_id=users["admin"].pk
        )
        entry = AuditEntry.objects.get(action="NC_OVERDUE")
        assert (entry.actor, entry.changes) == ("system", {"overdue_told": [None, late.due_on.isoformat()]})
        with assert_publishes_nothing():
            remind()

    def test_keeps_its_version_so_that_nobody_is_refused_for_it(self, late):
        remind()

        assert NonConformity.objects.get(pk=late.pk).version == late.version

    def test_is_due_through_its_day(self, late):
        NonConformity.objects.update(due_on=late.created_at.date())

        with assert_publishes_nothing():
            remind()

    def test_is_told_anew_of_another_due_date(self, users, late):
        remind()
        assign_nonconformity(
            nc_id=late.pk, owner_id=None, due_on=late.created_at.date() - timedelta(days=1), actor=users["quality"],
            reason="One day more",
        )  # fmt: skip

        remind()

        assert told("NC_OVERDUE") == 2

    def test_that_is_closed_is_not_told_of(self, users, late):
        close_nonconformity(nc_id=late.pk, actor=users["quality"])

        with assert_publishes_nothing():
            remind()


class TestContainment:
    @pytest.mark.parametrize(("severity", "hours"), [("high", 24), ("medium", 72), ("low", 120)])
    def test_that_is_late_is_told_once(self, make_nc, severity, hours):
        nc = make_nc(severity=severity)
        make_older(nc, created_at=timedelta(hours=hours - 1))
        with assert_publishes_nothing():
            remind()

        make_older(nc, created_at=timedelta(hours=2))
        remind()
        remind()

        assert nc.containment_late
        assert told("NC_CONTAINMENT_LATE") == 1
        assert_published(ContainmentLate, nc_id=nc.pk, hours=hours, owner_id=None)

    def test_that_was_said_is_not_late(self, users, make_nc):
        nc = make_older(make_nc(), created_at=timedelta(days=20))
        contain_nonconformity(nc_id=nc.pk, containment="Blocked", actor=users["quality"])

        with assert_publishes_nothing():
            remind()


class TestAnAction:
    def test_that_is_overdue_is_told_once(self, users, make_action):
        action = make_older(make_action(), due_on=timedelta(days=100))

        remind()
        remind()

        assert told("CAPA_OVERDUE") == 1
        event = assert_published(ActionOverdue, action_id=action.pk, due_on=action.due_on.isoformat())
        assert event.payload["days_late"] == 100 - 60
        assert AuditEntry.objects.get(action="CAPA_OVERDUE").entity_id == str(action.pk)

    def test_that_is_completed_is_not_told_of(self, completed):
        make_older(completed(), due_on=timedelta(days=100))

        with assert_publishes_nothing():
            remind()


class TestTheJob:
    def test_does_a_piece_at_a_time_until_nothing_is_left(self, make_nc, make_supplier):
        supplier = make_supplier()
        for _ in range(AT_ONCE + 1):
            make_nc(supplier_id=supplier.pk)
        NonConformity.objects.update(due_on=F("due_on") - timedelta(days=100), containment_told=True)

        assert remind() is True
        assert remind() is False
        assert told("NC_OVERDUE") == AT_ONCE + 1

    def test_is_one_of_the_workers(self):
        from qhse.periodic import jobs

        assert "tell_what_is_late" in jobs

    @pytest.mark.postgres
    @pytest.mark.django_db(transaction=True)
    def test_reads_nothing_of_what_has_been_told(self, make_action, pages_read):
        action = make_older(make_action(), due_on=timedelta(days=100))
        remind()
        with connection.cursor() as cursor:
            for table, copied in (("ncs_nonconformity", action.nc_id), ("ncs_correctiveaction", action.pk)):
                cursor.execute(
                    f"INSERT INTO {table} SELECT (jsonb_populate_record(t, jsonb_build_object('id', t.id + i))).* "
                    f"FROM {table} t, generate_series(1, 3000) AS i WHERE t.id = %s",
                    [copied],
                )
                cursor.execute(f"UPDATE {table} SET overdue_told = due_on")
                cursor.execute(f"VACUUM ANALYZE {table}")

        read = pages_read(remind)

        assert max(read.values()) < 40, read

    @pytest.mark.postgres
    @pytest.mark.django_db(transaction=True)
    def test_of_many_workers_at_once_tells_each_once(self, make_nc, make_supplier):
        supplier = make_supplier()
        for _ in range(60):
            make_nc(supplier_id=supplier.pk)
        NonConformity.objects.update(due_on=F("due_on") - timedelta(days=100), containment_told=True)

        at_once(6, lambda n: [remind() for _ in range(5)] and None)

        assert told("NC_OVERDUE") == 60
