"""A supplier that was recorded twice is one: what moves, what stays, what is refused."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from audit.models import AuditEntry
from kpi.selectors import current_kpi
from ncs.models import NonConformity
from ncs.services import close_nonconformity, correct_nonconformity, open_nonconformity, void_nonconformity
from outbox.models import OutboxEvent
from outbox.testing import assert_publishes_nothing
from qhse import clock
from qhse.errors import RecordHasChanged
from suppliers.choices import RiskLevel
from suppliers.errors import (
    DetailIsInvalid,
    ReasonIsMissing,
    SupplierIsMerged,
    SupplierIsUnknown,
    SupplierNotFound,
)
from suppliers.models import Certificate, RiskAssessment, Supplier, SupplierVolume
from suppliers.reassessment import reassess_suppliers
from suppliers.services import (
    change_supplier_status,
    correct_supplier,
    merge_supplier,
    override_risk,
    update_certification,
)
from suppliers.services.certificates import supersede_of
from suppliers.services.moving import COUNTED
from suppliers.tests.made import a_certificate, a_month

pytestmark = pytest.mark.django_db

COUNTS = ("nc_total", "nc_open", "nc_open_high", "nc_open_medium", "nc_void")
OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)


@pytest.fixture
def both(make_supplier):
    return make_supplier(name="Hansa Forge"), make_supplier(name="Hansa Forge GmbH")


@pytest.fixture
def merge(users):
    def call(source, target, reason="Recorded twice", **more):
        return merge_supplier(supplier_id=source.pk, into_id=target.pk, actor=users["admin"], reason=reason, **more)

    return call


def entries(action, kind="supplier"):
    return AuditEntry.objects.filter(action=action, entity_type=kind).order_by("id")


def counts(supplier):
    supplier.refresh_from_db()
    return tuple(getattr(supplier, name) for name in COUNTS)


class TestBothSuppliers:
    def test_have_an_entry_an_event_and_another_version(self, both, merge, make_nc):
        source, target = both
        make_nc(supplier_id=source.pk)

        merged = merge(source, target)

        source.refresh_from_db()
        target.refresh_from_db()
        assert (merged.pk, merged.merged_into_id, source.merged_into_id) == (source.pk, target.pk, target.pk)
        assert (source.version, target.version, merged.version) == (2, 2, 2)
        gone, left = entries("SUPPLIER_MERGED").get(), entries("SUPPLIER_TAKEN_IN").get()
        assert (gone.entity_id, gone.changes) == (str(source.pk), {"merged_into_id": [None, target.pk]})
        assert (left.entity_id, left.changes) == (
            str(target.pk), {"merged_id": [None, source.pk], "moved_cases": [0, 1]}
        )  # fmt: skip
        assert {gone.reason, left.reason} == {"Recorded twice"}
        events = OutboxEvent.objects.filter(event_type="SUPPLIER_MERGED").order_by("id")
        assert [event.aggregate_id for event in events] == [str(source.pk), str(target.pk)]
        assert events[1].payload == {
            "supplier_id": target.pk, "merged_id": source.pk, "into_id": target.pk, "cases": 1, "certificates": 0,
            "volumes": 0, "reason": "Recorded twice",
        }  # fmt: skip
        assert events[0].payload == {**events[1].payload, "supplier_id": source.pk}

    def test_keep_what_is_said_about_them(self, both, merge, users):
        source, target = both
        correct_supplier(
            supplier_id=source.pk, values={"country": "DE"}, actor=users["procurement"], reason="Delivery note"
        )

        merge(source, target)

        source.refresh_from_db()
        target.refresh_from_db()
        assert (source.name, source.country, target.name, target.country) == (
            "Hansa Forge", "DE", "Hansa Forge GmbH", ""
        )  # fmt: skip

    def test_end_the_override_of_the_duplicate_and_whether_it_is_at_risk(self, both, merge, users, api, drain):
        source, target = both
        yesterday = clock.today() - timedelta(days=1)
        update_certification(supplier_id=source.pk, certification_expiry=yesterday, actor=users["procurement"])
        reassess_suppliers(supplier_ids=[source.pk, target.pk])
        until = clock.today() + timedelta(days=9)
        override_risk(supplier_id=source.pk, level="medium", reason="Audited", until=until, actor=users["quality"])

        merge(source, target)

        source.refresh_from_db()
        assert (source.override, source.override_level, source.is_at_risk, source.risk_at_risk) == (
            None,
            "",
            False,
            False,
        )
        assert entries("SUPPLIER_MERGED").get().changes == {
            "merged_into_id": [None, target.pk], "override_level": ["medium", ""],
            "override_until": [until.isoformat(), None], "override_reason": ["Audited", ""],
        }  # fmt: skip
        newest = RiskAssessment.objects.filter(supplier=source).latest("id")
        assert (newest.override_level, newest.is_at_risk, newest.score) == ("", False, source.risk_score)
        everybody = Supplier.objects.all()
        assert not everybody.at_risk(today=clock.today()).exists()
        assert not everybody.at_level(RiskLevel.MEDIUM, today=clock.today()).exists()
        told = api("quality").get(f"/suppliers/{source.pk}").json()
        assert (told["is_at_risk"], told["risk_override"]) == (False, None)
        drain()
        assert RiskAssessment.objects.filter(supplier=source).latest("id") == newest

    def test_of_a_duplicate_that_nobody_has_assessed_add_nothing_to_its_history(self, both, merge):
        merge(*both)

        assert not RiskAssessment.objects.exists()

    def test_merging_again_changes_nothing(self, both, merge, row_counts):
        source, target = both
        merge(source, target)
        before = row_counts()

        with assert_publishes_nothing():
            again = merge(source, target, reason="")

        assert (again.version, row_counts()) == (2, before)

    def test_what_was_merged_before_points_to_the_one_that_is_left(self, both, merge, make_supplier):
        source, target = both
        earlier = make_supplier()
        merge(earlier, source)

        merge(source, target)

        earlier.refresh_from_db()
        assert (earlier.merged_into_id, earlier.version) == (target.pk, 3)
        assert entries("SUPPLIER_MERGED").last().changes == {"merged_into_id": [source.pk, target.pk]}
        assert entries("SUPPLIER_MERGED").last().entity_id == str(earlier.pk)


class TestCases:
    def test_move_with_an_entry_each_and_both_counts_are_exact(self, both, merge, make_nc, users):
        source, target = both
        severities = ("high", "high", "medium", "low")
        mine = [make_nc(supplier_id=source.pk, severity=severity) for severity in severities]
        theirs = make_nc(supplier_id=target.pk, severity="high")
        close_nonconformity(nc_id=mine[1].pk, actor=users["quality"])
        void_nonconformity(nc_id=mine[3].pk, actor=users["quality"], reason="Wrong gauge")
        versions = dict(NonConformity.objects.values_list("pk", "version"))

        merge(source, target)

        assert counts(source) == (0, 0, 0, 0, 0)
        assert counts(target) == (4, 3, 2, 1, 1)
        assert not NonConformity.objects.exclude(supplier=target).exists()
        for nc in NonConformity.objects.all():
            assert nc.version == versions[nc.pk] + (nc.pk != theirs.pk)
        moved = entries("NC_MOVED", "nonconformity")
        assert [entry.entity_id for entry in moved] == [str(nc.pk) for nc in mine]
        assert all(entry.changes == {"supplier_id": [source.pk, target.pk]} for entry in moved)

    def test_are_counted_once_and_so_is_the_supplier(self, both, merge, make_nc):
        source, target = both
        for supplier in both:
            make_nc(supplier_id=supplier.pk, severity="high")
        before = current_kpi()

        merge(source, target)

        after = current_kpi()
        assert (before.suppliers_total, before.suppliers_at_risk) == (2, 2)
        assert (after.suppliers_total, after.suppliers_at_risk) == (1, 1)
        assert (after.nc_total, after.nc_open_high) == (before.nc_total, before.nc_open_high) == (2, 2)

    @pytest.mark.parametrize("number", [1, 30])
    def test_take_as_many_statements_for_one_as_for_thirty(
        self, both, merge, make_nc, number, django_assert_max_num_queries
    ):
        for _ in range(number):
            make_nc(supplier_id=both[0].pk)

        with django_assert_max_num_queries(32):
            merge(*both)


class TestCertificates:
    def test_move_with_an_entry_each_and_are_counted_anew(self, both, merge, users):
        source, target = both
        correct_supplier(
            supplier_id=target.pk, values={"required_standards": ["iso_9001"]}, actor=users["admin"], reason="Car line"
        )
        certificate = a_certificate(source, users["procurement"], users["quality"])

        merge(source, target)

        certificate.refresh_from_db()
        target.refresh_from_db()
        assert (certificate.supplier, certificate.version, certificate.status) == (target, 2, "verified")
        assert (target.cert_missing, target.cert_ends_on) == (0, certificate.valid_to)
        assert entries("CERTIFICATE_MOVED", "certificate").get().changes == {"supplier_id": [source.pk, target.pk]}

    def test_that_both_have_count_once(self, both, merge, users):
        source, target = both
        mine = a_certificate(source, users["procurement"], users["quality"])
        theirs = a_certificate(target, users["procurement"])

        merge(source, target)

        mine.refresh_from_db()
        theirs.refresh_from_db()
        assert (mine.supplier, mine.status, mine.decided_by) == (source, "superseded", users["admin"])
        assert (theirs.supplier, theirs.status, theirs.version) == (target, "submitted", 1)
        entry = entries("CERTIFICATE_SUPERSEDED", "certificate").get()
        assert (entry.entity_id, entry.changes) == (str(mine.pk), {"status": ["verified", "superseded"]})
        assert entry.reason == f"{target.code} has handed in the same certificate."

    def test_that_were_rejected_move_beside_the_same_one(self, both, merge, users):
        source, target = both
        decided = {"decided_by": users["quality"], "decided_at": "2026-01-31T00:00Z", "status_reason": "Illegible"}
        mine = a_certificate(source, users["procurement"], status="rejected", **decided)
        a_certificate(target, users["procurement"])

        merge(source, target)

        assert Certificate.objects.get(pk=mine.pk).supplier == target

    def test_that_renew_one_that_stays_behind_now_renew_the_others_own(self, both, merge, users):
        source, target = both
        mine = a_certificate(source, users["procurement"], users["quality"])
        theirs = a_certificate(target, users["procurement"], users["quality"])
        renewal = a_certificate(
            source, users["procurement"], users["quality"], supersedes=mine, number="QM-2", valid_from=clock.today()
        )

        merge(source, target)

        renewal.refresh_from_db()
        assert (renewal.supplier, renewal.supersedes) == (target, theirs)
        assert entries("CERTIFICATE_MOVED", "certificate").get().changes == {
            "supplier_id": [source.pk, target.pk],
            "supersedes_id": [mine.pk, theirs.pk],
        }
        supersede_of(target.pk)
        theirs.refresh_from_db()
        assert theirs.status == "superseded"


class TestVolumes:
    def test_of_a_month_that_only_the_duplicate_has_move(self, both, merge):
        source, target = both
        month = a_month(source, OCTOBER, 1000, 2, received_lots=4, late_lots=1)

        merge(source, target)

        month.refresh_from_db()
        assert (month.supplier, month.received_qty, month.version) == (target, 1000, 2)
        gone, come = entries("VOLUME_MOVED")
        assert (gone.entity_id, come.entity_id) == (str(source.pk), str(target.pk))
        assert gone.changes == {
            "volume_month": ["2026-10", "2026-10"], "received_qty": [1000, 0], "defective_qty": [2, 0],
            "received_lots": [4, 0], "late_lots": [1, 0],
        }  # fmt: skip
        assert come.changes["volume_month"] == [None, "2026-10"]
        assert come.changes["received_qty"] == [0, 1000]

    def test_of_a_month_that_both_have_are_added_up(self, both, merge):
        source, target = both
        a_month(source, OCTOBER, 1000, 2, received_lots=4, rejected_lots=1)
        a_month(target, OCTOBER, 500, 3, received_lots=2, late_lots=2)
        a_month(target, NOVEMBER, 10, 0)

        merge(source, target)

        def figures(supplier, month):
            row = SupplierVolume.objects.get(supplier=supplier, month=month)
            return tuple(getattr(row, name) for name in COUNTED)

        assert figures(target, OCTOBER) == (1500, 5, 6, 1, 2)
        assert figures(target, NOVEMBER) == (10, 0, 0, 0, 0)
        assert figures(source, OCTOBER) == (0, 0, 0, 0, 0)
        assert entries("VOLUME_MOVED").last().changes == {
            "volume_month": ["2026-10", "2026-10"], "received_qty": [500, 1500], "defective_qty": [3, 5],
            "received_lots": [2, 6], "rejected_lots": [0, 1],
        }  # fmt: skip


class TestAfterwards:
    @pytest.fixture
    def merged(self, both, merge):
        merge(*both)
        return both

    @pytest.mark.parametrize(
        "write",
        [
            lambda s, u: update_certification(supplier_id=s.pk, certification_expiry=OCTOBER, actor=u["admin"]),
            lambda s, u: correct_supplier(supplier_id=s.pk, values={"country": "DE"}, actor=u["admin"], reason="x"),
            lambda s, u: change_supplier_status(supplier_id=s.pk, status="conditional", actor=u["admin"], reason="x"),
            lambda s, u: open_nonconformity(supplier_id=s.pk, severity="low", description="Wet", actor=u["quality"]),
        ],
        ids=["certification", "correction", "status", "case"],
    )
    def test_the_duplicate_takes_no_write_and_names_the_one_that_does(self, merged, users, write, row_counts):
        source, target = merged
        before = row_counts()

        with assert_publishes_nothing(), pytest.raises(SupplierIsMerged) as refused:
            write(source, users)

        assert refused.value.existing == target
        assert f"{source.code} has been merged into {target.code}, {target.name}" in refused.value.detail
        assert row_counts() == before

    def test_no_case_is_moved_to_it(self, merged, users, make_nc):
        nc = make_nc(supplier_id=merged[1].pk)

        with pytest.raises(SupplierIsMerged) as refused:
            correct_nonconformity(
                nc_id=nc.pk, values={"supplier_id": merged[0].pk}, actor=users["quality"], reason="Misread"
            )

        assert refused.value.field == "supplier_id"
        assert counts(merged[1])[:2] == (1, 1)

    def test_its_name_stays_taken(self, merged, make_supplier):
        with pytest.raises(Exception, match="already a supplier named 'Hansa Forge'"):
            make_supplier(name="HANSA FORGE")

    def test_the_worker_reassesses_the_one_that_is_left_alone(self, both, merge, make_nc, drain):
        source, target = both
        make_nc(supplier_id=source.pk, severity="high")

        merge(source, target)
        drain()

        source.refresh_from_db()
        target.refresh_from_db()
        assert (target.risk_level, target.risk_assessed_at is not None) == ("high", True)
        assert source.risk_assessed_at is None
        assert reassess_suppliers(supplier_ids=[source.pk]) == []


class TestWhatIsRefused:
    def test_merging_into_itself(self, both, merge):
        with pytest.raises(DetailIsInvalid) as refused:
            merge(both[0], both[0])

        assert refused.value.field == "into_id"

    def test_a_duplicate_of_another_one(self, both, merge, make_supplier):
        merge(*both)

        with pytest.raises(SupplierIsMerged):
            merge(both[0], make_supplier())

    def test_merging_into_a_duplicate(self, both, merge, make_supplier):
        merge(*both)

        for another in (make_supplier(), both[1]):  # the second would make a circle
            with pytest.raises(SupplierIsMerged) as refused:
                merge(another, both[0])
            assert (refused.value.field, refused.value.existing) == ("into_id", both[1])

    def test_one_that_is_not_there(self, users, both):
        with pytest.raises(SupplierNotFound):
            merge_supplier(supplier_id=4711, into_id=both[0].pk, actor=users["admin"], reason="x")
        with pytest.raises(SupplierIsUnknown) as refused:
            merge_supplier(supplier_id=both[0].pk, into_id=4711, actor=users["admin"], reason="x")
        assert refused.value.field == "into_id"

    def test_without_a_reason(self, both, merge, row_counts):
        before = row_counts()

        with assert_publishes_nothing(), pytest.raises(ReasonIsMissing):
            merge(*both, reason=" ")

        assert row_counts() == before

    def test_by_one_who_has_read_another_version(self, both, merge):
        with pytest.raises(RecordHasChanged):
            merge(*both, expected_versions=(2,))

        assert not Supplier.objects.filter(merged_into__isnull=False).exists()
