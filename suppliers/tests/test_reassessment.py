"""The risk is concluded from what the database says now. Each changed level leaves an entry and an event."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from audit.models import AuditEntry
from outbox.testing import assert_published, assert_publishes_nothing, published
from qhse import clock
from qhse.tests.waiting import at_once, in_another_transaction
from suppliers.choices import RiskLevel, Severity
from suppliers.events import SupplierRiskChanged, SupplierRiskOverridden
from suppliers.models import Certificate, RiskAssessment, Supplier
from suppliers.reassessment import reassess_suppliers, reassess_unseen
from suppliers.risk import RULE_VERSION
from suppliers.services import count_nonconformity_closed, count_nonconformity_opened, override_risk
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
            "reasons": [{name: line[name] for name in ("code", "detail", "points")} for line in supplier.risk_reasons],
            "rule_version": RULE_VERSION,
            "old_score": 0,
            "confidence": "low",
            "cause": "command",
        }

    def test_names_the_request_that_caused_it_in_entry_and_event(self, make_supplier):
        asked, unasked = (make_supplier(certification_expiry=YESTERDAY) for _ in range(2))

        reassess_suppliers(supplier_ids=[asked.pk, unasked.pk], request_ids={asked.pk: "goods-in-4711"}, today=TODAY)

        assert [entry.request_id for entry in risk_entries()] == ["goods-in-4711", ""]
        events = published(SupplierRiskChanged)
        assert [event.headers["request_id"] for event in events] == ["goods-in-4711", ""]

    @pytest.mark.parametrize(("severities", "told"), [(["low", "low"], False), (["medium"], True)])
    def test_tells_a_score_that_moves_by_five_points_within_its_level_and_no_less(
        self, make_supplier, severities, told
    ):
        supplier = make_supplier()
        reassess_suppliers(supplier_ids=[supplier.pk], today=TODAY)
        for severity in severities:
            count_nonconformity_opened(supplier_id=supplier.pk, severity=severity)

        changed = reassess_suppliers(supplier_ids=[supplier.pk], today=TODAY)

        assert changed == []
        events = published(SupplierRiskChanged)
        assert [(each.payload["old_score"], each.payload["score"]) for each in events] == ([(0, 5)] if told else [])
        assert [entry.changes for entry in risk_entries()] == ([{"risk_score": [0, 5]}] if told else [])

    def test_stores_a_score_that_moves_a_little_and_says_nothing(self, make_supplier):
        supplier = make_supplier()
        count_nonconformity_opened(supplier_id=supplier.pk, severity=Severity.LOW)

        with assert_publishes_nothing():
            changed = reassess_suppliers(supplier_ids=[supplier.pk], today=TODAY)

        supplier.refresh_from_db()
        assert changed == []
        assert (supplier.risk_level, supplier.risk_score) == (RiskLevel.LOW, 2)
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


def history(supplier):
    return list(RiskAssessment.objects.filter(supplier=supplier).order_by("id"))


@pytest.mark.django_db
class TestHistory:
    def test_begins_with_the_first_assessment_even_if_it_says_nothing(self, make_supplier):
        supplier = make_supplier()

        reassess_suppliers(supplier_ids=[supplier.pk], today=TODAY)

        (row,) = history(supplier)
        assert (row.score, row.level, row.lines, row.day, row.cause) == (0, "low", [], TODAY, "command")
        assert (row.rule_version, row.confidence, row.is_at_risk) == (RULE_VERSION, "low", False)

    def test_has_a_row_only_when_something_changes(self, make_supplier):
        supplier = make_supplier(certification_expiry=TODAY + timedelta(days=31))

        for day in range(40):
            reassess_suppliers(supplier_ids=[supplier.pk], today=TODAY + timedelta(days=day))

        told = [((row.day - TODAY).days, row.score, row.level) for row in history(supplier)]
        assert told == [(0, 6, "low"), (1, 12, "low"), (32, 50, "high")]

    def test_its_newest_row_is_what_stands_on_the_supplier(self, make_supplier):
        supplier = make_supplier(certification_expiry=YESTERDAY)

        reassess_suppliers(supplier_ids=[supplier.pk], today=TODAY)

        supplier.refresh_from_db()
        (row,) = history(supplier)
        assert (row.score, row.level, row.lines, row.confidence, row.is_at_risk, row.rule_version) == (
            supplier.risk_score,
            supplier.risk_level,
            supplier.risk_reasons,
            supplier.risk_confidence,
            supplier.risk_at_risk,
            supplier.risk_rule_version,
        )

    def test_says_by_which_event_it_came(self, make_supplier):
        supplier = make_supplier()

        reassess_suppliers(supplier_ids=[supplier.pk], causes={supplier.pk: "NC_CREATED"}, today=TODAY)

        assert [row.cause for row in history(supplier)] == ["NC_CREATED"]

    def test_has_a_row_when_another_version_of_the_rule_says_the_same(self, make_supplier):
        supplier = make_supplier()
        reassess_suppliers(supplier_ids=[supplier.pk], today=TODAY)
        Supplier.objects.update(risk_rule_version=1)

        reassess_suppliers(supplier_ids=[supplier.pk], today=TODAY)

        assert len(history(supplier)) == 2

    def test_notes_that_it_looked_where_nothing_has_changed(self, make_supplier):
        supplier = make_supplier()
        reassess_suppliers(supplier_ids=[supplier.pk], today=TODAY)
        Supplier.objects.update(risk_assessed_at=datetime(2026, 1, 1, tzinfo=UTC))

        reassess_suppliers(supplier_ids=[supplier.pk], today=TODAY)

        assert Supplier.objects.get().risk_assessed_at > datetime(2026, 1, 1, tzinfo=UTC)
        assert len(history(supplier)) == 1

    def test_leaves_a_supplier_alone_that_was_recorded_twice(self, make_supplier):
        kept, twice = make_supplier(), make_supplier(certification_expiry=YESTERDAY)
        Supplier.objects.filter(pk=twice.pk).update(merged_into=kept)

        assert reassess_suppliers(supplier_ids=[twice.pk], today=TODAY) == []
        assert history(twice) == []


def kept(supplier):
    supplier.refresh_from_db()
    return supplier.cert_missing, supplier.cert_ends_on, supplier.cert_proven_until


@pytest.mark.django_db
class TestCertificatesThatBegin:
    @pytest.fixture
    def certificate(self, make_supplier, make_certificate):
        """A verified one of what is required, which begins in a week."""
        supplier = make_supplier()
        Supplier.objects.filter(pk=supplier.pk).update(required_standards=["iso_9001"])
        begins = clock.today() + timedelta(days=7)
        return make_certificate(supplier_id=supplier.pk, valid_from=begins, verified=True)

    def test_prove_nothing_before(self, certificate):
        assert kept(certificate.supplier) == (1, None, None)

    def test_count_on_their_first_day_without_anybody_writing(self, certificate):
        supplier = certificate.supplier
        ends, version = certificate.valid_to, supplier.version
        reassess_suppliers(supplier_ids=[supplier.pk], today=certificate.valid_from - timedelta(days=1))
        assert kept(supplier) == (1, None, None)

        reassess_suppliers(supplier_ids=[supplier.pk], today=certificate.valid_from)

        assert kept(supplier) == (0, ends, ends)
        assert supplier.version == version

    def test_are_found_by_the_daily_job(self, certificate):
        Certificate.objects.update(valid_from=clock.today())

        reassess_unseen()

        assert kept(certificate.supplier) == (0, certificate.valid_to, certificate.valid_to)

    def test_cost_a_statement_only_where_they_change_something(self, certificate, make_supplier):
        ids = [certificate.supplier_id, make_supplier().pk]
        days = [certificate.valid_from + timedelta(days=n) for n in (-1, 0, 1)]
        costs = []
        for day in days:
            with CaptureQueriesContext(connection) as asked:
                reassess_suppliers(supplier_ids=ids, today=day)
            costs.append(sum('SET "cert_ends_on"' in query["sql"] for query in asked))

        assert costs == [0, 1, 0]


@pytest.mark.django_db
class TestTheDay:
    def test_finds_who_was_not_looked_at_today_and_nobody_else(self, make_supplier):
        seen, unseen, new = (make_supplier(certification_expiry=YESTERDAY) for _ in range(3))
        reassess_suppliers(supplier_ids=[seen.pk, unseen.pk])
        Supplier.objects.filter(pk=unseen.pk).update(risk_assessed_at=clock.present() - timedelta(days=1))
        before = Supplier.objects.get(pk=seen.pk).risk_assessed_at

        assert reassess_unseen() is False

        assert not Supplier.objects.not_assessed_since(midnight()).exists()
        assert Supplier.objects.get(pk=seen.pk).risk_assessed_at == before
        assert [row.cause for row in history(new)] == ["daily"]

    def test_a_look_by_a_clock_that_was_ahead_is_not_of_today_and_is_made_again(self, make_supplier):
        supplier = make_supplier(certification_expiry=YESTERDAY)
        reassess_suppliers(supplier_ids=[supplier.pk])
        ahead = clock.present() + timedelta(days=3)
        Supplier.objects.filter(pk=supplier.pk).update(risk_assessed_at=ahead)
        assert not Supplier.objects.standing().get(pk=supplier.pk).risk_is_current

        reassess_unseen()

        assert Supplier.objects.get(pk=supplier.pk).risk_assessed_at < ahead - timedelta(days=2)

    def test_comes_in_pieces_until_nothing_is_left(self, make_supplier):
        for _ in range(5):
            make_supplier()

        pieces = [reassess_unseen(at_most=2) for _ in range(3)]

        assert pieces == [True, True, False]
        assert RiskAssessment.objects.count() == 5

    def test_takes_an_override_off_after_its_last_day(self, make_supplier, users):
        supplier = make_supplier(certification_expiry=YESTERDAY)
        reassess_suppliers(supplier_ids=[supplier.pk])
        override_risk(
            supplier_id=supplier.pk, level="low", reason="Audited", until=clock.today(), actor=users["quality"]
        )
        last_day, day_after = clock.today(), clock.today() + timedelta(days=1)

        reassess_suppliers(supplier_ids=[supplier.pk], today=last_day)
        assert Supplier.objects.get().override_level == "low"
        reassess_suppliers(supplier_ids=[supplier.pk], today=day_after)

        after = Supplier.objects.get()
        assert (after.override_level, after.override_reason, after.override_until, after.override_by) == (
            "", "", None, None,
        )  # fmt: skip
        entry = AuditEntry.objects.filter(action="SUPPLIER_RISK_OVERRIDDEN").latest("id")
        assert (entry.actor, entry.changes["override_level"]) == ("system", ["low", ""])
        event = published(SupplierRiskOverridden)[-1]
        assert (event.payload["level"], event.payload["previous"]) == (None, "low")
        assert [row.override_level for row in history(supplier)] == ["", "low", ""]


def midnight():
    return datetime.combine(clock.today(), time.min, UTC)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
class TestReassessmentBesideAnotherWriter:
    def test_the_daily_piece_passes_over_a_supplier_that_somebody_holds(self, make_supplier):
        held, free = make_supplier().pk, make_supplier().pk

        with in_another_transaction(lambda: Supplier.objects.select_for_update().get(pk=held)):
            more = None
            with suppress(OperationalError):  # it has waited for the lock
                more = reassess_unseen()
            assert more is False
            assert list(RiskAssessment.objects.values_list("supplier_id", flat=True)) == [free]

        reassess_unseen()
        assert sorted(RiskAssessment.objects.values_list("supplier_id", flat=True)) == [held, free]

    def test_several_workers_at_once_store_each_supplier_once(self, make_supplier):
        ids = [make_supplier(certification_expiry=YESTERDAY).pk for _ in range(12)]

        def work(number):
            while reassess_unseen(at_most=3):
                pass

        at_once(4, work)
        reassess_unseen()  # what was locked by the last ones

        assert sorted(RiskAssessment.objects.values_list("supplier_id", flat=True)) == ids
        assert len(published(SupplierRiskChanged)) == len(ids)

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
