"""Writes to suppliers: row, audit entry and event together or not at all."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import IntegrityError, connection, transaction

from audit.models import AuditEntry
from outbox.testing import assert_nothing_published, assert_published, assert_publishes, assert_publishes_nothing
from qhse.errors import RecordHasChanged
from suppliers.choices import RiskLevel, Severity
from suppliers.errors import (
    CertificationExpiryIsImplausible,
    SupplierIsUnknown,
    SupplierNameIsInvalid,
    SupplierNameIsTaken,
    SupplierNotFound,
)
from suppliers.events import SupplierCertificationUpdated, SupplierCreated
from suppliers.models import Supplier
from suppliers.services import (
    count_nonconformity_closed,
    count_nonconformity_opened,
    create_supplier,
    update_certification,
)

pytestmark = pytest.mark.django_db

OLD = date(2027, 6, 30)
NEW = date(2029, 6, 30)


def counts_of(supplier):
    supplier.refresh_from_db()
    return supplier.nc_total, supplier.nc_open, supplier.nc_open_high, supplier.nc_open_medium


def entries(action):
    return AuditEntry.objects.filter(action=action).order_by("id")


class TestCreateSupplier:
    def test_stores_the_tidied_name_under_the_key_by_which_it_is_unique(self, users):
        supplier = create_supplier(name="  Käfer   Guß GmbH ", actor=users["procurement"])

        assert (supplier.name, supplier.name_key) == ("Käfer Guß GmbH", "käfer guss gmbh")

    def test_returns_a_supplier_against_which_nothing_speaks_yet(self, users):
        supplier = create_supplier(name="Hansa Forge GmbH", certification_expiry=OLD, actor=users["procurement"])

        assert supplier.certification_expiry == OLD
        assert counts_of(supplier) == (0, 0, 0, 0)
        assert (supplier.risk_level, supplier.risk_score, supplier.risk_reasons) == (RiskLevel.LOW, 0, [])
        assert supplier.risk_assessed_at is None
        assert supplier.version == 1
        assert supplier.created_at == supplier.updated_at

    def test_does_not_demand_that_a_certification_is_known(self, users):
        supplier = create_supplier(name="Hansa Forge GmbH", actor=users["procurement"])

        assert supplier.certification_expiry is None

    def test_leaves_one_entry_and_one_event_by_its_actor(self, users):
        supplier = create_supplier(name="Hansa Forge GmbH", certification_expiry=OLD, actor=users["procurement"])

        entry = entries("SUPPLIER_CREATED").get()
        assert (entry.entity_type, entry.entity_id) == ("supplier", str(supplier.pk))
        assert (entry.actor, entry.actor_role) == ("procurement", "procurement")
        assert entry.changes == {"name": [None, "Hansa Forge GmbH"], "certification_expiry": [None, "2027-06-30"]}
        event = assert_published(SupplierCreated, supplier_id=supplier.pk, name="Hansa Forge GmbH")
        assert event.aggregate_id == str(supplier.pk)
        assert event.headers["actor"] == "procurement"

    def test_refuses_a_name_that_another_has_in_another_spelling(self, users, row_counts):
        create_supplier(name="Käfer Guß GmbH", actor=users["procurement"])
        before = row_counts()

        with pytest.raises(SupplierNameIsTaken, match="already a supplier named 'Käfer Guß GmbH'") as refusal:
            create_supplier(name="KÄFER GUSS GMBH", actor=users["admin"])

        assert refusal.value.field == "name"
        assert row_counts() == before

    def test_names_the_one_that_has_the_name_as_it_is_stored(self, users):
        first = create_supplier(name="Weiss Technik", actor=users["procurement"])

        with pytest.raises(SupplierNameIsTaken) as refusal:
            create_supplier(name="Weiß  TECHNIK", actor=users["procurement"])

        assert refusal.value.existing == first
        assert refusal.value.detail == f"There is already a supplier named 'Weiss Technik': number {first.pk}."

    def test_refuses_a_taken_name_without_spoiling_the_transaction_of_its_caller(self, users):
        create_supplier(name="Hansa Forge", actor=users["procurement"])

        with pytest.raises(Exception) as refusal:
            create_supplier(name="hansa forge", actor=users["procurement"])

        assert refusal.type is SupplierNameIsTaken
        assert not connection.needs_rollback
        assert create_supplier(name="Rhein Castings", actor=users["procurement"]).pk

    @pytest.mark.parametrize(
        ("name", "says"),
        [
            ("   ", "The name is empty."),
            ("Hansa\u200bForge", "invisible character U\\+200B"),
            ("Hansa\tForge", "invisible character U\\+0009"),
            ("x" * 201, "201 characters; at most 200"),
        ],
        ids=["empty", "zero width space", "tab", "too long"],
    )
    def test_says_why_a_text_cannot_be_a_name(self, users, row_counts, name, says):
        before = row_counts()

        with pytest.raises(SupplierNameIsInvalid, match=says) as refusal:
            create_supplier(name=name, actor=users["procurement"])

        assert refusal.value.field == "name"
        assert row_counts() == before

    @pytest.mark.parametrize("day", [date(1979, 12, 31), date(2200, 1, 1)])
    def test_refuses_a_last_day_that_is_a_typing_error(self, users, row_counts, day):
        before = row_counts()

        with pytest.raises(CertificationExpiryIsImplausible, match="from 1980-01-01 to 2199-12-31") as refusal:
            create_supplier(name="Hansa Forge", certification_expiry=day, actor=users["procurement"])

        assert refusal.value.field == "certification_expiry"
        assert row_counts() == before

    @pytest.mark.parametrize("day", [date(1980, 1, 1), date(2199, 12, 31)])
    def test_takes_the_first_and_the_last_plausible_day(self, users, day):
        supplier = create_supplier(name="Hansa Forge", certification_expiry=day, actor=users["procurement"])

        assert supplier.certification_expiry == day


class TestUpdateCertification:
    def test_sets_the_date_and_counts_one_more_version(self, users, make_supplier):
        supplier = make_supplier(certification_expiry=OLD)

        updated = update_certification(supplier_id=supplier.pk, certification_expiry=NEW, actor=users["procurement"])

        assert (updated.certification_expiry, updated.version) == (NEW, 2)
        assert updated.updated_at >= supplier.updated_at

    def test_changes_the_one_supplier_and_nothing_else_of_it(self, users, make_supplier, make_nc):
        supplier, other = make_supplier(certification_expiry=OLD), make_supplier(certification_expiry=OLD)
        make_nc(supplier_id=supplier.pk, severity="high")
        untouched = [field.name for field in Supplier._meta.fields]
        for changed in ("certification_expiry", "version", "updated_at"):
            untouched.remove(changed)
        before = Supplier.objects.values(*untouched).get(pk=supplier.pk)

        update_certification(supplier_id=supplier.pk, certification_expiry=NEW, actor=users["procurement"])

        assert Supplier.objects.values(*untouched).get(pk=supplier.pk) == before
        assert Supplier.objects.get(pk=other.pk).certification_expiry == OLD

    def test_leaves_old_and_new_date_the_reason_and_the_actor_in_the_trail(self, users, make_supplier):
        supplier = make_supplier(certification_expiry=OLD)

        update_certification(
            supplier_id=supplier.pk,
            certification_expiry=NEW,
            actor=users["procurement"],
            reason="ISO 9001 renewal audit passed",
        )

        entry = entries("SUPPLIER_CERT_UPDATED").get()
        assert (entry.entity_type, entry.entity_id) == ("supplier", str(supplier.pk))
        assert entry.changes == {"certification_expiry": ["2027-06-30", "2029-06-30"]}
        assert (entry.actor, entry.reason) == ("procurement", "ISO 9001 renewal audit passed")

    @pytest.mark.parametrize(
        ("previous", "given", "payload"),
        [
            (None, NEW, (None, "2029-06-30")),
            (NEW, None, ("2029-06-30", None)),
            (OLD, NEW, ("2027-06-30", "2029-06-30")),
        ],
        ids=["becomes known", "becomes unknown", "is renewed"],
    )
    def test_announces_both_dates(self, users, make_supplier, previous, given, payload):
        supplier = make_supplier(certification_expiry=previous)

        with assert_publishes(SupplierCertificationUpdated, supplier_id=supplier.pk) as published:
            update_certification(supplier_id=supplier.pk, certification_expiry=given, actor=users["procurement"])

        event = published[0].payload
        assert (event["previous"], event["certification_expiry"]) == payload

    @pytest.mark.parametrize("day", [OLD, None], ids=["a date", "unknown"])
    def test_given_the_date_that_stands_there_changes_and_announces_nothing(
        self, users, make_supplier, row_counts, day
    ):
        supplier = make_supplier(certification_expiry=day)
        before = row_counts()

        with assert_publishes_nothing():
            again = update_certification(supplier_id=supplier.pk, certification_expiry=day, actor=users["admin"])

        assert row_counts() == before
        assert (again.version, again.updated_at) == (1, supplier.updated_at)

    def test_asks_for_the_version_that_its_caller_has_read(self, users, make_supplier):
        supplier = make_supplier(certification_expiry=OLD)

        updated = update_certification(
            supplier_id=supplier.pk, certification_expiry=NEW, actor=users["procurement"], expected_versions=(1, 7)
        )

        assert updated.version == 2

    @pytest.mark.parametrize("day", [NEW, OLD], ids=["another date", "the same date"])
    def test_refuses_a_caller_who_has_read_another_version(self, users, make_supplier, day):
        supplier = make_supplier(certification_expiry=OLD)

        with assert_publishes_nothing(), pytest.raises(RecordHasChanged):
            update_certification(
                supplier_id=supplier.pk, certification_expiry=day, actor=users["procurement"], expected_versions=(2,)
            )

        assert Supplier.objects.get().certification_expiry == OLD

    def test_refuses_a_supplier_that_does_not_exist(self, users):
        with pytest.raises(SupplierNotFound, match="no supplier 4711"):
            update_certification(supplier_id=4711, certification_expiry=NEW, actor=users["procurement"])

        assert_nothing_published()

    @pytest.mark.parametrize("day", [date(1979, 12, 31), date(2200, 1, 1)])
    def test_refuses_a_last_day_that_is_a_typing_error(self, users, make_supplier, day):
        supplier = make_supplier(certification_expiry=OLD)

        with pytest.raises(CertificationExpiryIsImplausible):
            update_certification(supplier_id=supplier.pk, certification_expiry=day, actor=users["procurement"])

        assert Supplier.objects.get().certification_expiry == OLD


COUNTED = [(Severity.HIGH, (1, 1, 1, 0)), (Severity.MEDIUM, (1, 1, 0, 1)), (Severity.LOW, (1, 1, 0, 0))]


class TestCountNonconformityOpened:
    @pytest.mark.parametrize(("severity", "counts"), COUNTED)
    def test_counts_it_in_all_as_open_and_by_its_severity(self, make_supplier, severity, counts):
        supplier = make_supplier()

        count_nonconformity_opened(supplier_id=supplier.pk, severity=severity)

        assert counts_of(supplier) == counts

    def test_counts_it_for_its_supplier_alone(self, make_supplier):
        supplier, other = make_supplier(), make_supplier()

        count_nonconformity_opened(supplier_id=supplier.pk, severity=Severity.HIGH)

        assert counts_of(other) == (0, 0, 0, 0)

    def test_makes_no_version_stale_because_no_person_changed_the_supplier(self, make_supplier):
        supplier = make_supplier()
        version, updated_at = supplier.version, supplier.updated_at

        count_nonconformity_opened(supplier_id=supplier.pk, severity=Severity.HIGH)

        supplier.refresh_from_db()
        assert (supplier.version, supplier.updated_at) == (version, updated_at)

    def test_refuses_a_supplier_that_does_not_exist(self):
        with pytest.raises(SupplierIsUnknown, match="no supplier 4711") as refusal:
            count_nonconformity_opened(supplier_id=4711, severity=Severity.LOW)

        assert refusal.value.field == "supplier_id"


class TestCountNonconformityClosed:
    @pytest.mark.parametrize("severity", Severity)
    def test_takes_it_off_what_is_open_and_leaves_it_in_the_total(self, make_supplier, severity):
        supplier = make_supplier()
        count_nonconformity_opened(supplier_id=supplier.pk, severity=severity)

        count_nonconformity_closed(supplier_id=supplier.pk, severity=severity)

        assert counts_of(supplier) == (1, 0, 0, 0)

    def test_leaves_the_other_severities_open(self, make_supplier):
        supplier = make_supplier()
        for severity in Severity:
            count_nonconformity_opened(supplier_id=supplier.pk, severity=severity)

        count_nonconformity_closed(supplier_id=supplier.pk, severity=Severity.HIGH)

        assert counts_of(supplier) == (3, 2, 0, 1)

    def test_cannot_close_more_than_was_opened(self, make_supplier):
        supplier = make_supplier()

        with pytest.raises(IntegrityError), transaction.atomic():
            count_nonconformity_closed(supplier_id=supplier.pk, severity=Severity.LOW)

        assert counts_of(supplier) == (0, 0, 0, 0)
