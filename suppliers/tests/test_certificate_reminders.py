"""What ends soon or has ended is told once, whoever looks and however often; a renewal that has begun supersedes."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest
from django.db import OperationalError

from audit.models import AuditEntry
from outbox.models import OutboxEvent
from outbox.testing import assert_published, assert_publishes_nothing
from qhse import clock
from qhse.tests.waiting import at_once, in_another_transaction
from suppliers import reminders
from suppliers.events import CertificateExpired, CertificateExpiring, CertificateSuperseded
from suppliers.models import Certificate, Supplier
from suppliers.reminders import remind, supersede_begun
from suppliers.services import correct_certificate, reject_certificate, verify_certificate

pytestmark = pytest.mark.django_db


def told():
    """Return the thresholds that were told, in order; -1 is the end."""
    events = OutboxEvent.objects.filter(event_type__in=["CERTIFICATE_EXPIRING", "CERTIFICATE_EXPIRED"]).order_by("id")
    return [event.payload.get("threshold", -1) for event in events]


def pass_days(certificate, days):
    Certificate.objects.filter(pk=certificate.pk).update(
        valid_to=certificate.valid_to - timedelta(days=days), valid_from=certificate.valid_from - timedelta(days=days)
    )
    certificate.refresh_from_db()


class TestOneThatEndsSoon:
    def test_is_told_once_with_its_entry(self, make_certificate):
        certificate = make_certificate(days=28, verified=True)

        assert remind() is False

        event = assert_published(
            CertificateExpiring, certificate_id=certificate.pk, threshold=30, days_left=28, standard="iso_9001",
            valid_to=certificate.valid_to.isoformat(),
        )  # fmt: skip
        assert (event.aggregate_type, event.aggregate_id) == ("supplier", str(certificate.supplier_id))
        entry = AuditEntry.objects.get(action="CERTIFICATE_EXPIRING")
        assert (entry.actor, entry.changes) == ("system", {"expiry_told": [None, 30]})
        with assert_publishes_nothing():
            remind()

    @pytest.mark.parametrize(
        ("days", "expected"),
        [(91, []), (90, [90]), (61, [90]), (60, [60]), (31, [60]), (30, [30]), (8, [30]), (7, [7]), (1, [7]), (0, [0]),
         (-1, [-1]), (-400, [-1])],
    )  # fmt: skip
    def test_is_told_of_the_nearest_threshold_alone(self, make_certificate, days, expected):
        make_certificate(days=days, valid_from=clock.today() - timedelta(days=900))

        remind()

        assert told() == expected

    def test_is_told_of_each_threshold_as_days_pass_and_of_missed_ones_never(self, make_certificate):
        certificate = make_certificate(days=100)
        for days in (5, 5, 1, 1, 40, 30, 20, 1, 1):  # left: 95, 90, 89, 88, 48, 18, -2, -3, -4
            pass_days(certificate, days)
            remind()

        assert told() == [90, 60, 30, -1]

    def test_keeps_its_version_so_that_nobody_is_refused_for_it(self, make_certificate):
        certificate = make_certificate(days=5)

        remind()

        assert Certificate.objects.get().version == certificate.version

    def test_is_told_anew_of_another_last_day(self, users, make_certificate):
        certificate = make_certificate(days=5)
        remind()
        correct_certificate(
            certificate_id=certificate.pk, values={"valid_to": certificate.valid_to - timedelta(days=1)},
            reason="Misread", actor=users["procurement"],
        )  # fmt: skip

        remind()

        assert told() == [7, 7]

    def test_says_on_the_last_day_that_none_is_left(self, make_certificate):
        make_certificate(days=0)

        remind()

        assert_published(CertificateExpiring, threshold=0, days_left=0)

    def test_that_has_ended_says_for_how_long(self, make_certificate):
        make_certificate(days=-3)

        remind()

        assert_published(CertificateExpired, days_ago=3)
        assert AuditEntry.objects.get(action="CERTIFICATE_EXPIRED").changes == {"expiry_told": [None, -1]}


class TestNothingIsTold:
    def test_where_a_later_one_of_the_standard_is_at_hand_until_that_is_rejected(self, users, make_certificate):
        old = make_certificate(days=5)
        later = make_certificate(supplier_id=old.supplier_id, number="2")
        make_certificate(supplier_id=old.supplier_id, number="3", standard="iso_14001")
        with assert_publishes_nothing():
            remind()

        reject_certificate(certificate_id=later.pk, reason="Forged", actor=users["quality"])
        remind()

        assert told() == [7]

    @pytest.mark.parametrize(("begins", "expected"), [(6, []), (7, [7])], ids=["without a gap", "after a gap"])
    def test_where_a_later_one_takes_over_without_a_gap(self, make_certificate, begins, expected):
        old = make_certificate(days=5)
        begins_on = clock.today() + timedelta(days=begins)
        make_certificate(supplier_id=old.supplier_id, number="2", valid_from=begins_on)

        remind()

        assert told() == expected

    def test_where_a_later_one_has_begun_after_a_gap(self, make_certificate):
        old = make_certificate(days=-20)
        make_certificate(supplier_id=old.supplier_id, number="2", valid_from=clock.today())

        with assert_publishes_nothing():
            remind()

    def test_of_one_that_counts_for_nothing(self, users, make_certificate):
        reject_certificate(certificate_id=make_certificate(days=5).pk, reason="Forged", actor=users["quality"])

        with assert_publishes_nothing():
            remind()

    def test_of_a_supplier_that_was_merged_into_another(self, make_certificate, make_supplier):
        certificate = make_certificate(days=5)
        Supplier.objects.filter(pk=certificate.supplier_id).update(merged_into=make_supplier())

        with assert_publishes_nothing():
            remind()

    def test_of_a_day_that_is_merely_declared(self, make_supplier):
        make_supplier(certification_expiry=clock.today() + timedelta(days=5))

        with assert_publishes_nothing():
            remind()


@pytest.fixture
def renew(users, make_certificate):
    """Hand in a renewal of a certificate, and verify it. It begins in three days."""

    def hand_in(old):
        new = make_certificate(
            supplier_id=old.supplier_id, number="2", supersedes_id=old.pk,
            valid_from=clock.today() + timedelta(days=3),
        )  # fmt: skip
        verify_certificate(certificate_id=new.pk, method="document", actor=users["quality"])
        return new

    return hand_in


class TestARenewalThatBegins:
    @pytest.fixture
    def renewed(self, make_certificate, renew):
        """An old certificate and its renewal, which has begun since."""
        old = make_certificate(days=20, verified=True)
        Supplier.objects.update(required_standards=["iso_9001"])
        new = renew(old)
        assert supersede_begun() is False
        pass_days(new, 3)
        return old, new

    def test_supersedes_by_the_system_and_counts_anew(self, renewed):
        old, new = renewed

        supersede_begun()

        old.refresh_from_db()
        assert (old.status, old.decided_by) == ("superseded", None)
        assert AuditEntry.objects.get(action="CERTIFICATE_SUPERSEDED").actor == "system"
        assert_published(CertificateSuperseded, certificate_id=old.pk, superseded_by=new.pk)
        assert Supplier.objects.get().cert_ends_on == new.valid_to
        with assert_publishes_nothing():
            supersede_begun()

    def test_of_a_merged_supplier_is_left(self, renewed, make_supplier):
        old, _ = renewed
        Supplier.objects.filter(pk=old.supplier_id).update(merged_into=make_supplier())

        with assert_publishes_nothing():
            assert supersede_begun() is False


class TestTheJobs:
    def test_do_a_piece_at_a_time_until_nothing_is_left(self, make_certificate, make_supplier, monkeypatch):
        monkeypatch.setattr(reminders, "AT_ONCE", 3)
        supplier = make_supplier()
        for number in range(7):
            make_certificate(supplier_id=supplier.pk, number=str(number), days=5)

        assert [remind(), remind(), remind()] == [True, True, False]
        assert told() == [7] * 7

    def test_are_among_the_workers(self):
        from qhse.periodic import jobs

        assert {"tell_what_ends", "supersede_what_was_renewed"} <= set(jobs)

    def test_let_the_worker_reassess_the_supplier(self, make_certificate, drain):
        supplier = make_certificate(days=5).supplier
        drain()
        remind()
        before = Supplier.objects.get(pk=supplier.pk).risk_assessed_at

        drain()

        assert Supplier.objects.get(pk=supplier.pk).risk_assessed_at > before

    @pytest.mark.postgres
    @pytest.mark.django_db(transaction=True)
    def test_tell_what_is_free_however_much_stands_before_it_that_is_not(
        self, make_certificate, make_supplier, monkeypatch
    ):
        monkeypatch.setattr(reminders, "AT_ONCE", 2)
        held, free = make_supplier(name="Held"), make_supplier(name="Free")
        for standard in ("iso_9001", "iso_14001", "iso_45001"):
            make_certificate(supplier_id=held.pk, standard=standard, days=5)
        make_certificate(supplier_id=free.pk, days=6)

        with in_another_transaction(lambda: Supplier.objects.select_for_update().get(pk=held.pk)):
            remind()

        assert OutboxEvent.objects.filter(event_type="CERTIFICATE_EXPIRING").get().aggregate_id == str(free.pk)

    @pytest.mark.postgres
    @pytest.mark.django_db(transaction=True)
    def test_of_many_workers_at_once_tell_each_once(self, make_certificate, make_supplier):
        for number in range(30):
            supplier = make_supplier(name=f"Nordic Castings {number}")
            for standard in ("iso_9001", "iso_14001"):
                make_certificate(supplier_id=supplier.pk, standard=standard, days=5)

        at_once(6, lambda n: [remind() for _ in range(10)] and None)

        assert told() == [7] * 60
        assert OutboxEvent.objects.filter(event_type="CERTIFICATE_EXPIRING").values("payload").distinct().count() == 60

    @pytest.mark.postgres
    @pytest.mark.django_db(transaction=True)
    def test_of_many_workers_at_once_supersede_each_once(self, renew, make_certificate, make_supplier):
        for number in range(8):
            supplier = make_supplier(name=f"Nordic Castings {number}")
            pass_days(renew(make_certificate(supplier_id=supplier.pk, verified=True)), 3)

        at_once(4, lambda n: [supersede_begun() for _ in range(6)] and None)

        assert OutboxEvent.objects.filter(event_type="CERTIFICATE_SUPERSEDED").count() == 8
        assert Certificate.objects.filter(status="superseded").count() == 8

    @pytest.mark.postgres
    @pytest.mark.django_db(transaction=True)
    def test_supersede_what_is_free_and_leave_what_somebody_has_locked(self, renew, make_certificate, make_supplier):
        held, free = make_supplier(name="Held"), make_supplier(name="Free")
        for supplier in (held, free):
            pass_days(renew(make_certificate(supplier_id=supplier.pk, verified=True)), 3)

        with (
            in_another_transaction(lambda: Supplier.objects.select_for_update().get(pk=held.pk)),
            suppress(OperationalError),
        ):
            supersede_begun()

        assert [each.supplier_id for each in Certificate.objects.filter(status="superseded")] == [free.pk]
