"""Correcting a supplier: what changes, what follows from it, what is refused."""

from __future__ import annotations

from datetime import date

import pytest

from audit.models import AuditEntry
from outbox.testing import assert_nothing_published, assert_publishes, assert_publishes_nothing
from qhse.errors import RecordHasChanged
from suppliers.errors import (
    CertificationExpiryIsImplausible,
    DetailIsInvalid,
    ExternalReferenceIsTaken,
    ReasonIsMissing,
    SupplierNameIsInvalid,
    SupplierNameIsTaken,
    SupplierNotFound,
)
from suppliers.events import SupplierCorrected
from suppliers.models import Supplier
from suppliers.services import correct_supplier, create_supplier
from suppliers.tests.made import a_certificate

pytestmark = pytest.mark.django_db

ALL = {
    "name": "Hansa Forge AG", "external_ref": "K-4711", "country": "DE", "category": "component", "criticality": "A",
    "contact_name": "Anna Weiss", "contact_email": "anna@example.com", "required_standards": ["iso_14001", "iso_9001"],
    "next_review_on": date(2027, 6, 30),
}  # fmt: skip


@pytest.fixture
def correct(users):
    def call(supplier, reason="Misread", **values):
        arguments = {name: values.pop(name) for name in ("expected_versions",) if name in values}
        return correct_supplier(
            supplier_id=supplier.pk, values=values, reason=reason, actor=users["procurement"], **arguments
        )

    return call


class TestWhatChanges:
    def test_everything_at_once_is_stored_audited_and_published(self, make_supplier, correct):
        supplier = make_supplier(name="Hansa Forge GmbH")

        with assert_publishes(SupplierCorrected, supplier_id=supplier.pk) as published:
            corrected = correct(supplier, **ALL)

        supplier.refresh_from_db()
        assert {name: getattr(supplier, name) for name in ALL} == ALL
        assert (supplier.version, corrected.version) == (2, 2)
        assert supplier.updated_at == corrected.updated_at
        entry = AuditEntry.objects.get(action="SUPPLIER_CORRECTED")
        assert entry.reason == "Misread"
        assert {name: new for name, (_, new) in entry.changes.items()} == {
            **ALL, "next_review_on": "2027-06-30"
        }  # fmt: skip
        assert entry.changes["name"] == ["Hansa Forge GmbH", "Hansa Forge AG"]
        assert published[0].payload == {
            "supplier_id": supplier.pk, "fields": sorted(ALL), "reason": "Misread", "previous_name": "Hansa Forge GmbH",
        }  # fmt: skip

    def test_a_new_name_is_found_ordered_and_unique_as_one_at_the_beginning(self, users, make_supplier, correct):
        correct(make_supplier(name="Hansa Forge"), name="  Ätna   Pumpen ")

        assert Supplier.objects.called("atna pumpen").get().name_order == "atna pumpen"
        with pytest.raises(SupplierNameIsTaken):
            create_supplier(name="ÄTNA PUMPEN", actor=users["procurement"])
        create_supplier(name="Hansa Forge", actor=users["procurement"])  # it is free again

    def test_another_spelling_of_its_own_name_is_a_change(self, make_supplier, correct):
        assert correct(make_supplier(name="Hansa Forge"), name="HANSA FORGE").name == "HANSA FORGE"

    def test_without_a_new_name_the_event_says_none(self, make_supplier, correct):
        with assert_publishes(SupplierCorrected) as published:
            correct(make_supplier(), country="it")

        assert published[0].payload["previous_name"] is None
        assert published[0].payload["fields"] == ["country"]

    def test_what_stands_there_already_changes_nothing_and_asks_for_no_reason(self, make_supplier, correct, row_counts):
        supplier = make_supplier(country="DE", required_standards=["iso_9001"])
        before = row_counts()

        with assert_publishes_nothing():
            again = correct(
                supplier, reason="", name=f" {supplier.name} ", country="de", required_standards=["iso_9001"] * 2
            )

        assert (again.version, row_counts()) == (1, before)

    def test_standards_are_stored_in_order_and_each_once(self, make_supplier, correct):
        corrected = correct(make_supplier(), required_standards=["iso_9001", "as_9100", "iso_9001"])

        assert corrected.required_standards == ["as_9100", "iso_9001"]

    def test_other_standards_are_looked_for_among_the_certificates(self, users, make_supplier, correct):
        supplier = make_supplier()
        certificate = a_certificate(supplier, users["procurement"])

        correct(supplier, required_standards=["iso_9001", "iso_14001"])

        supplier.refresh_from_db()
        assert (supplier.cert_missing, supplier.cert_unverified) == (1, 1)
        assert supplier.cert_ends_on == certificate.valid_to

    def test_a_verified_certificate_of_the_latest_end_counts(self, users, make_supplier, correct):
        supplier = make_supplier()
        a_certificate(supplier, users["procurement"], number="old", valid_to=date(2027, 1, 31))
        latest = a_certificate(supplier, users["procurement"], users["quality"], valid_to=date(2031, 1, 31))
        a_certificate(supplier, users["procurement"], number="of another", standard="iso_14001")

        correct(supplier, required_standards=["iso_9001"])

        supplier.refresh_from_db()
        assert (supplier.cert_missing, supplier.cert_unverified, supplier.cert_ends_on) == (0, 0, latest.valid_to)

    def test_one_who_begins_with_standards_lacks_them(self, make_supplier):
        supplier = make_supplier(required_standards=["iso_9001", "as_9100"])

        assert (supplier.cert_missing, supplier.cert_ends_on) == (2, None)
        assert AuditEntry.objects.get(action="SUPPLIER_CREATED").changes["required_standards"] == [
            None, ["as_9100", "iso_9001"]
        ]  # fmt: skip


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("values", "refusal", "field"),
        [
            ({"name": "Rhein Castings"}, SupplierNameIsTaken, "name"),
            ({"name": " "}, SupplierNameIsInvalid, "name"),
            ({"external_ref": "K-1"}, ExternalReferenceIsTaken, "external_ref"),
            ({"external_ref": "K\u200b1"}, DetailIsInvalid, "external_ref"),
            ({"external_ref": "x" * 61}, DetailIsInvalid, "external_ref"),
            ({"country": "UK"}, DetailIsInvalid, "country"),
            ({"country": "Germany"}, DetailIsInvalid, "country"),
            ({"category": "luck"}, DetailIsInvalid, "category"),
            ({"criticality": "D"}, DetailIsInvalid, "criticality"),
            ({"criticality": ""}, DetailIsInvalid, "criticality"),
            ({"contact_email": "anna"}, DetailIsInvalid, "contact_email"),
            ({"contact_name": "x" * 151}, DetailIsInvalid, "contact_name"),
            ({"required_standards": ["iso_9001", "din_1"]}, DetailIsInvalid, "required_standards"),
            ({"next_review_on": date(1979, 12, 31)}, CertificationExpiryIsImplausible, "next_review_on"),
            ({"status": "approved"}, DetailIsInvalid, "status"),
            ({"nc_open": 0}, DetailIsInvalid, "nc_open"),
        ],
        ids=lambda value: str(value)[:40],
    )
    def test_a_bad_value_is_refused_with_its_field(self, make_supplier, correct, row_counts, values, refusal, field):
        make_supplier(name="Rhein Castings", external_ref="K-1")
        supplier = make_supplier()
        before = row_counts()

        with assert_publishes_nothing(), pytest.raises(refusal) as refused:
            correct(supplier, **values)

        assert refused.value.field == field
        assert row_counts() == before
        assert Supplier.objects.get(pk=supplier.pk).version == 1

    def test_who_has_the_name_or_the_reference_is_named(self, make_supplier, correct):
        other, supplier = make_supplier(name="Rhein Castings", external_ref="K-1"), make_supplier()

        for values in ({"name": "RHEIN castings"}, {"external_ref": "K-1"}):
            with pytest.raises((SupplierNameIsTaken, ExternalReferenceIsTaken)) as refused:
                correct(supplier, **values)
            assert refused.value.existing == other

    def test_an_empty_reference_may_be_that_of_many(self, make_supplier, correct):
        first, second = make_supplier(external_ref="K-1"), make_supplier(external_ref="K-2")

        assert [correct(each, external_ref="").external_ref for each in (first, second)] == ["", ""]

    @pytest.mark.parametrize("reason", ["", "  \n", "\u200b", "x" * 2001])
    def test_a_change_without_a_reason(self, make_supplier, correct, reason):
        with pytest.raises(ReasonIsMissing):
            correct(make_supplier(), reason=reason, country="DE")

        assert AuditEntry.objects.filter(action="SUPPLIER_CORRECTED").count() == 0

    def test_one_who_has_read_another_version(self, make_supplier, correct):
        with pytest.raises(RecordHasChanged):
            correct(make_supplier(), country="DE", expected_versions=(2,))

    def test_a_supplier_that_does_not_exist(self, users):
        with pytest.raises(SupplierNotFound):
            correct_supplier(supplier_id=4711, values={"country": "DE"}, reason="x", actor=users["admin"])

        assert_nothing_published()
