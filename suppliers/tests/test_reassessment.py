"""The risk is concluded from what the database says now. Each changed level leaves an entry and an event."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.models import AuditEntry
from outbox.testing import assert_published, assert_publishes_nothing, published
from suppliers.choices import RiskLevel, Severity
from suppliers.events import SupplierRiskChanged
from suppliers.models import Supplier
from suppliers.reassessment import reassess_suppliers
from suppliers.risk import RULE_VERSION
from suppliers.services import count_nonconformity_closed, count_nonconformity_opened
from suppliers.tests.turns import in_turn

TODAY = date(2026, 11, 23)
YESTERDAY = TODAY - timedelta(days=1)


def risk_entries():
    return AuditEntry.objects.filter(action="SUPPLIER_RISK_CHANGED").order_by("id")


@pytest.mark.django_db
class TestReassessSuppliers:
    def test_stores_level_score_and_reasons_with_the_time(self, make_supplier):
        supplier = make_supplier(certification_expiry=YESTERDAY)

        reassess_suppliers(supplier_ids=[supplier.pk], today=TODAY)

        supplier.refresh_from_db()
        assert (supplier.risk_level, supplier.risk_score) == (RiskLevel.HIGH, 50)
        assert [reason["code"] for reason in supplier.risk_reasons] == ["certification_expired", "floor"]
        assert sum(reason["points"] for reason in supplier.risk_reasons) == 50
        assert supplier.risk_assessed_at >= supplier.created_at

    def test_returns_the_suppliers_whose_level_changed(self, make_supplier):
        expired, certified = make_supplier(certification_expiry=YESTERDAY), make_supplier(certification_expiry=TODAY)

        changed = reassess_suppliers(supplier_ids=[expired.pk, certified.pk], today=TODAY)

        assert changed == [expired.pk]

    def test_leaves_an_entry_by_the_system_that_says_why(self, make_supplier):
        supplier = make_supplier(certification_expiry=YESTERDAY)

        reassess_suppliers(supplier_ids=[supplier.pk], today=TODAY)

        entry = risk_entries().get()
        assert (entry.entity_type, entry.entity_id, entry.actor) == ("supplier", str(supplier.pk), "system")
        assert entry.changes == {"risk_level": ["low", "high"], "risk_score": [0, 50]}
        assert entry.reason == (
            "Certification expired on 2026-11-22; An expired certification or an open high NC is never below high risk"
        )

    def test_announces_the_new_level_with_its_lines_and_the_version_of_the_rule(self, make_supplier):
        supplier = make_supplier(certification_expiry=YESTERDAY)

        reassess_suppliers(supplier_ids=[supplier.pk], today=TODAY)

        event = assert_published(SupplierRiskChanged, supplier_id=supplier.pk)
        supplier.refresh_from_db()
        assert event.headers["actor"] == "system"
        assert event.payload == {
            "supplier_id": supplier.pk,
            "old_level": "low",
            "new_level": "high",
            "score": 50,
            "reasons": supplier.risk_reasons,
            "rule_version": RULE_VERSION,
        }

    def test_names_the_request_that_caused_it_in_entry_and_event(self, make_supplier):
        asked, unasked = (make_supplier(certification_expiry=YESTERDAY) for _ in range(2))

        reassess_suppliers(supplier_ids=[asked.pk, unasked.pk], request_ids={asked.pk: "goods-in-4711"}, today=TODAY)

        assert [entry.request_id for entry in risk_entries()] == ["goods-in-4711", ""]
        events = published(SupplierRiskChanged)
        assert [event.headers["request_id"] for event in events] == ["goods-in-4711", ""]

    def test_stores_a_score_that_moves_within_its_level_and_says_nothing(self, make_supplier):
        supplier = make_supplier()
        count_nonconformity_opened(supplier_id=supplier.pk, severity=Severity.MEDIUM)

        with assert_publishes_nothing():
            changed = reassess_suppliers(supplier_ids=[supplier.pk], today=TODAY)

        supplier.refresh_from_db()
        assert changed == []
        assert (supplier.risk_level, supplier.risk_score) == (RiskLevel.LOW, 5)
        assert not risk_entries().exists()

    def test_repeated_concludes_the_same_and_says_nothing(self, make_supplier):
        supplier = make_supplier(certification_expiry=YESTERDAY)
        reassess_suppliers(supplier_ids=[supplier.pk], today=TODAY)
        first = Supplier.objects.values("risk_level", "risk_score", "risk_reasons").get()

        with assert_publishes_nothing():
            again = reassess_suppliers(supplier_ids=[supplier.pk], today=TODAY)

        assert again == []
        assert Supplier.objects.values("risk_level", "risk_score", "risk_reasons").get() == first

    def test_takes_the_level_back_when_its_cause_is_gone(self, make_supplier):
        supplier = make_supplier()
        count_nonconformity_opened(supplier_id=supplier.pk, severity=Severity.HIGH)
        reassess_suppliers(supplier_ids=[supplier.pk], today=TODAY)
        count_nonconformity_closed(supplier_id=supplier.pk, severity=Severity.HIGH)

        reassess_suppliers(supplier_ids=[supplier.pk], today=TODAY)

        supplier.refresh_from_db()
        assert (supplier.risk_level, supplier.risk_score, supplier.risk_reasons) == (RiskLevel.LOW, 0, [])
        assert risk_entries().last().changes == {"risk_level": ["high", "low"], "risk_score": [50, 0]}

    def test_judges_by_the_day_it_is_given(self, make_supplier):
        supplier = make_supplier(certification_expiry=TODAY)

        on_the_last_day = reassess_suppliers(supplier_ids=[supplier.pk], today=TODAY)
        a_day_later = reassess_suppliers(supplier_ids=[supplier.pk], today=TODAY + timedelta(days=1))

        assert (on_the_last_day, a_day_later) == ([], [supplier.pk])

    def test_passes_over_ids_that_no_supplier_has_and_ids_given_twice(self, make_supplier):
        supplier = make_supplier(certification_expiry=YESTERDAY)

        changed = reassess_suppliers(supplier_ids=[4711, supplier.pk, supplier.pk], today=TODAY)

        assert changed == [supplier.pk]
        assert risk_entries().count() == 1

    def test_of_nobody_does_nothing(self):
        assert reassess_suppliers(supplier_ids=[]) == []

    def test_makes_no_version_stale_because_no_person_changed_the_supplier(self, make_supplier):
        supplier = make_supplier(certification_expiry=YESTERDAY)

        reassess_suppliers(supplier_ids=[supplier.pk], today=TODAY)

        after = Supplier.objects.get()
        assert (after.version, after.updated_at) == (supplier.version, supplier.updated_at)

    def test_takes_as_many_statements_for_twenty_as_for_two(self, make_supplier):
        ids = [make_supplier(certification_expiry=YESTERDAY).pk for _ in range(22)]

        statements = []
        for chunk in (ids[:2], ids[2:]):
            with CaptureQueriesContext(
                connection,
            ) as queries:
                reassess_suppliers(supplier_ids=chunk, today=TODAY)
            statements.append(len(queries))

        assert statements[0] == statements[1]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
class TestReassessmentBesideAnotherWriter:
    def test_waits_for_a_writer_and_reads_what_they_have_written(self, make_supplier):
        supplier = make_supplier()
        count_nonconformity_opened(supplier_id=supplier.pk, severity=Severity.HIGH)

        results = in_turn(
            lambda: count_nonconformity_closed(supplier_id=supplier.pk, severity=Severity.HIGH),
            lambda: reassess_suppliers(supplier_ids=[supplier.pk], today=TODAY),
        )

        assert results == [None, []]
        assert Supplier.objects.get().risk_level == RiskLevel.LOW

    def test_locks_in_the_order_of_the_ids_so_that_two_workers_cannot_deadlock(self, make_supplier):
        one, other = make_supplier().pk, make_supplier().pk

        def the_other_is_free():
            Supplier.objects.select_for_update(nowait=True).get(pk=other)

        results = in_turn(
            lambda: Supplier.objects.select_for_update().get(pk=one).pk,
            lambda: reassess_suppliers(supplier_ids=[other, one], today=TODAY),
            meanwhile=the_other_is_free,
        )

        assert results == [one, []]
