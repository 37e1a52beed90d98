"""Certificates: handed in, corrected, verified by somebody else, rejected, withdrawn, superseded."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from audit.models import AuditEntry
from outbox.testing import assert_published, assert_publishes_nothing
from qhse import clock
from qhse.accounts.models import User
from qhse.errors import AnotherPersonMust, RecordHasChanged
from suppliers.choices import CertificateStatus
from suppliers.errors import (
    CertificateIsInvalid,
    CertificateIsKnown,
    CertificateMoveIsForbidden,
    CertificateNotFound,
    ReasonIsMissing,
    SupplierIsMerged,
    SupplierIsUnknown,
)
from suppliers.events import (
    CertificateCorrected,
    CertificateRejected,
    CertificateSubmitted,
    CertificateSuperseded,
    CertificateVerified,
    CertificateWithdrawn,
)
from suppliers.models import Certificate, Supplier
from suppliers.services import (
    correct_certificate,
    reject_certificate,
    verify_certificate,
    withdraw_certificate,
)

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def supplier(make_supplier):
    """A supplier of whom ISO 9001 is required."""
    made = make_supplier()
    Supplier.objects.filter(pk=made.pk).update(required_standards=["iso_9001"], cert_missing=1)
    made.refresh_from_db()
    return made


@pytest.fixture
def verify(users):
    def by(certificate, role="quality", **values):
        return verify_certificate(
            certificate_id=certificate.pk, **({"method": "register", "actor": users[role]} | values)
        )

    return by


@pytest.fixture
def correct(users):
    def by(certificate, role="procurement", reason="Misread", **values):
        return correct_certificate(certificate_id=certificate.pk, values=values, reason=reason, actor=users[role])

    return by


@pytest.fixture
def decide(users):
    def by(service, certificate, reason="The register does not know it", **more):
        return service(certificate_id=certificate.pk, reason=reason, actor=users["quality"], **more)

    return by


def coverage(supplier):
    supplier.refresh_from_db()
    return supplier.cert_ends_on, supplier.cert_missing, supplier.cert_unverified


def entry(action):
    return AuditEntry.objects.filter(action=action).latest("id")


class TestHandingIn:
    def test_stores_it_as_submitted_with_its_entry_and_its_event(self, users, make_certificate):
        certificate = make_certificate(number=" 12  100 4711 ", edition="2015", scope="Forging\r\n")

        stored = Certificate.objects.get()
        assert (stored.number, stored.edition, stored.scope) == ("12 100 4711", "2015", "Forging")
        assert (stored.status, stored.submitted_by, stored.version) == ("submitted", users["procurement"], 1)
        told = entry("CERTIFICATE_SUBMITTED")
        assert (told.entity_type, told.entity_id, told.actor) == ("certificate", str(stored.pk), "procurement")
        assert told.changes["number"] == [None, "12 100 4711"]
        assert told.changes["supplier_id"] == [None, stored.supplier_id]
        event = assert_published(
            CertificateSubmitted, certificate_id=stored.pk, supplier_id=stored.supplier_id, standard="iso_9001",
            edition="2015", valid_to=stored.valid_to.isoformat(), by=users["procurement"].pk,
        )  # fmt: skip
        assert (event.aggregate_type, event.aggregate_id) == ("supplier", str(certificate.supplier_id))

    def test_counts_for_its_supplier_at_once_and_leaves_the_suppliers_version(self, supplier, make_certificate):
        certificate = make_certificate(supplier_id=supplier.pk)

        assert coverage(supplier) == (certificate.valid_to, 0, 1)
        assert supplier.version == 1

    def test_of_another_standard_leaves_the_required_one_missing(self, supplier, make_certificate):
        make_certificate(supplier_id=supplier.pk, standard="iso_14001")

        assert coverage(supplier) == (None, 1, 0)

    @pytest.mark.parametrize(
        ("values", "field"),
        [
            ({"standard": "iso_9000"}, "standard"),
            ({"number": " "}, "number"),
            ({"number": "x" * 101}, "number"),
            ({"number": "12\u202e100"}, "number"),
            ({"issuer": ""}, "issuer"),
            ({"edition": "x" * 11}, "edition"),
            ({"scope": "x" * 2001}, "scope"),
            ({"days": -400}, "valid_to"),
            ({"days": 99_000}, "valid_to"),
            ({"last_surveillance_on": date(2199, 1, 1)}, "last_surveillance_on"),
            ({"supersedes_id": 999_999}, "supersedes"),
        ],
    )
    def test_refuses_what_no_document_says(self, make_certificate, values, field):
        with pytest.raises(CertificateIsInvalid) as refusal:
            make_certificate(**values)

        assert refusal.value.field == field
        assert Certificate.objects.count() == 0

    def test_of_an_unknown_supplier_is_refused_by_its_field(self, make_certificate):
        with pytest.raises(SupplierIsUnknown) as refusal:
            make_certificate(supplier_id=999_999)

        assert refusal.value.field == "supplier_id"

    def test_of_a_merged_supplier_names_the_other_one(self, supplier, make_supplier, make_certificate):
        other = make_supplier()
        Supplier.objects.filter(pk=supplier.pk).update(merged_into=other)

        with pytest.raises(SupplierIsMerged, match=other.code):
            make_certificate(supplier_id=supplier.pk)

    def test_twice_is_refused_with_the_first(self, supplier, make_certificate):
        first = make_certificate(supplier_id=supplier.pk)

        with pytest.raises(CertificateIsKnown) as refusal:
            make_certificate(supplier_id=supplier.pk)

        assert refusal.value.existing == first

    def test_again_is_taken_after_a_rejection(self, supplier, make_certificate, decide):
        decide(reject_certificate, make_certificate(supplier_id=supplier.pk))

        assert make_certificate(supplier_id=supplier.pk).status == CertificateStatus.SUBMITTED

    def test_renews_an_earlier_one_of_the_same_supplier_and_standard_alone(self, supplier, make_certificate):
        earlier = make_certificate(supplier_id=supplier.pk)
        others = make_certificate()
        later = {"supplier_id": supplier.pk, "number": "2", "valid_from": earlier.valid_from + DAY}

        for wrong in ({"supersedes_id": others.pk}, {"supersedes_id": earlier.pk, "standard": "iso_14001"},
                      {"supersedes_id": earlier.pk, "valid_from": earlier.valid_from}):  # fmt: skip
            with pytest.raises(CertificateIsInvalid):
                make_certificate(**later | wrong)

        assert make_certificate(**later, supersedes_id=earlier.pk).supersedes == earlier


class TestCorrecting:
    def test_stores_what_differs_with_old_new_and_reason(self, supplier, make_certificate, correct):
        certificate = make_certificate(supplier_id=supplier.pk)
        later = certificate.valid_to + DAY

        corrected = correct(certificate, number="4712", issuer=certificate.issuer, valid_to=later)

        told = entry("CERTIFICATE_CORRECTED")
        assert told.changes == {
            "number": ["12 100 4711", "4712"], "valid_to": [certificate.valid_to.isoformat(), later.isoformat()],
        }  # fmt: skip
        assert told.reason == "Misread"
        assert_published(CertificateCorrected, fields=["number", "valid_to"], reason="Misread")
        assert (corrected.version, coverage(supplier)) == (2, (later, 0, 1))

    def test_to_what_stands_there_stores_and_publishes_nothing(self, make_certificate, correct):
        certificate = make_certificate()

        for reason in ("Misread", ""):
            with assert_publishes_nothing():
                same = {"number": certificate.number, "valid_to": certificate.valid_to}
                corrected = correct(certificate, reason=reason, **same)

        assert corrected.version == 1

    def test_asks_for_a_reason(self, make_certificate, correct):
        with pytest.raises(ReasonIsMissing):
            correct(make_certificate(), reason=" ", number="4712")

    def test_ends_with_the_verification(self, make_certificate, correct):
        certificate = make_certificate(verified=True)

        with pytest.raises(CertificateMoveIsForbidden, match="it is verified"):
            correct(certificate, number="4712")

    def test_into_another_one_is_refused(self, supplier, make_certificate, correct):
        first = make_certificate(supplier_id=supplier.pk)
        second = make_certificate(supplier_id=supplier.pk, number="4712")

        with pytest.raises(CertificateIsKnown) as refusal:
            correct(second, number=first.number)

        assert refusal.value.existing == first

    @pytest.mark.parametrize("field", ["supplier_id", "status", "verified_by_id", "version", "expiry_told"])
    def test_does_not_reach_what_is_no_value_of_the_document(self, make_certificate, correct, field):
        with pytest.raises(CertificateIsInvalid, match="cannot be corrected"):
            correct(make_certificate(), **{field: 1})

    def test_of_the_last_day_lets_it_be_told_anew(self, make_certificate, correct):
        certificate = make_certificate()
        Certificate.objects.update(expiry_told=30)

        correct(certificate, number="4712")
        assert Certificate.objects.get().expiry_told == 30
        correct(certificate, valid_to=certificate.valid_to + DAY)

        assert Certificate.objects.get().expiry_told is None

    def test_of_another_version_is_refused(self, users, make_certificate):
        certificate = make_certificate()

        with pytest.raises(RecordHasChanged):
            correct_certificate(
                certificate_id=certificate.pk, values={"number": "1"}, reason="x", actor=users["admin"],
                expected_versions={2},
            )  # fmt: skip

    def test_of_one_that_is_not_there_says_so(self, users):
        with pytest.raises(CertificateNotFound):
            correct_certificate(certificate_id=999_999, values={}, reason="x", actor=users["admin"])


class TestVerifying:
    def test_says_who_how_and_where(self, users, supplier, make_certificate, verify):
        certificate = verify(make_certificate(supplier_id=supplier.pk), method="issuer", ref="Mail of 3 May")

        stored = Certificate.objects.get()
        assert (stored.status, stored.verified_by) == ("verified", users["quality"])
        assert (stored.verify_method, stored.verify_ref) == ("issuer", "Mail of 3 May")
        assert stored.verified_at == certificate.verified_at is not None
        assert entry("CERTIFICATE_VERIFIED").changes["status"] == ["submitted", "verified"]
        assert_published(CertificateVerified, certificate_id=stored.pk, method="issuer", by=users["quality"].pk)
        assert (certificate.version, coverage(supplier)) == (2, (stored.valid_to, 0, 0))

    def test_is_not_for_who_handed_it_in(self, users, make_certificate, verify):
        certificate = make_certificate(actor=users["admin"])

        with pytest.raises(AnotherPersonMust):
            verify(certificate, "admin")

        assert verify(certificate).status == CertificateStatus.VERIFIED

    def test_is_not_for_who_corrected_it_however_many_did_since(self, users, make_certificate, verify, correct):
        certificate = make_certificate()
        second = User.objects.create(username="lena", role="admin")
        correct(certificate, "admin", number="4712")
        correct_certificate(certificate_id=certificate.pk, values={"number": "4713"}, reason="x", actor=second)

        for who in (users["admin"], second):
            with pytest.raises(AnotherPersonMust):
                verify(certificate, actor=who)

    def test_in_the_same_way_again_publishes_nothing(self, make_certificate, verify):
        certificate = verify(make_certificate(), ref="Here")

        with assert_publishes_nothing():
            assert verify(certificate, "admin", ref="Here").version == certificate.version
        with pytest.raises(CertificateMoveIsForbidden):
            verify(certificate, ref="There")

    def test_is_refused_once_it_was_rejected(self, make_certificate, verify, decide):
        certificate = decide(reject_certificate, make_certificate())

        with pytest.raises(CertificateMoveIsForbidden, match="it is rejected"):
            verify(certificate)

    @pytest.mark.parametrize(("values", "field"), [({"method": "hearsay"}, "method"), ({"ref": "x" * 201}, "ref")])
    def test_asks_how(self, make_certificate, verify, values, field):
        with pytest.raises(CertificateIsInvalid) as refusal:
            verify(make_certificate(), **values)

        assert refusal.value.field == field


class TestRejectingAndWithdrawing:
    def test_a_rejected_one_counts_for_nothing(self, supplier, make_certificate, decide):
        certificate = decide(reject_certificate, make_certificate(supplier_id=supplier.pk))

        assert (certificate.status, certificate.status_reason) == ("rejected", "The register does not know it")
        assert coverage(supplier) == (None, 1, 0)
        assert entry("CERTIFICATE_REJECTED").reason == "The register does not know it"
        assert_published(CertificateRejected, certificate_id=certificate.pk, reason="The register does not know it")

    def test_a_withdrawn_one_counts_for_nothing_and_keeps_who_verified_it(
        self, users, supplier, make_certificate, decide
    ):
        certificate = decide(withdraw_certificate, make_certificate(supplier_id=supplier.pk, verified=True))

        stored = Certificate.objects.get()
        assert (stored.status, stored.verified_by, stored.decided_by) == ("withdrawn", *[users["quality"]] * 2)
        assert coverage(supplier) == (None, 1, 0)
        assert_published(CertificateWithdrawn, certificate_id=certificate.pk)

    @pytest.mark.parametrize(("service", "verified"), [(reject_certificate, False), (withdraw_certificate, True)])
    def test_again_publishes_nothing_and_asks_for_a_reason_still(self, make_certificate, decide, service, verified):
        certificate = make_certificate(verified=verified)
        with pytest.raises(ReasonIsMissing):
            decide(service, certificate, reason=" ")
        done = decide(service, certificate)

        with assert_publishes_nothing():
            assert decide(service, certificate, reason="Other").version == done.version

        assert Certificate.objects.get().status_reason == "The register does not know it"

    @pytest.mark.parametrize(("service", "verified"), [(reject_certificate, True), (withdraw_certificate, False)])
    def test_is_of_the_other_status_refused(self, make_certificate, decide, service, verified):
        with pytest.raises(CertificateMoveIsForbidden):
            decide(service, make_certificate(verified=verified))


class TestARenewal:
    @pytest.fixture
    def renew(self, supplier, make_certificate):
        def make(renewed, *, begins=-1, **values):
            today = clock.today()
            plan = {"number": "4712", "days": 900, "valid_from": today + begins * DAY, "supersedes_id": renewed.pk}
            return make_certificate(supplier_id=renewed.supplier_id, **plan | values)

        return make

    def test_that_has_begun_supersedes_when_it_is_verified(self, users, supplier, make_certificate, renew, verify):
        old = make_certificate(supplier_id=supplier.pk, verified=True)
        new = renew(old)
        old.refresh_from_db()
        assert old.status == "verified"

        verify(new)

        old.refresh_from_db()
        assert (old.status, old.version, old.decided_by) == ("superseded", 3, users["quality"])
        assert old.status_reason.startswith("Renewed by ISO 9001 4712")
        assert entry("CERTIFICATE_SUPERSEDED").entity_id == str(old.pk)
        assert_published(CertificateSuperseded, certificate_id=old.pk, superseded_by=new.pk)
        assert coverage(supplier) == (new.valid_to, 0, 0)

    def test_that_begins_later_leaves_it_until_then(self, supplier, make_certificate, renew, verify):
        old = make_certificate(supplier_id=supplier.pk, verified=True)

        verify(renew(old, begins=1))

        old.refresh_from_db()
        assert old.status == "verified"

    def test_that_is_rejected_leaves_it(self, supplier, make_certificate, renew, decide):
        old = make_certificate(supplier_id=supplier.pk, verified=True)
        new = renew(old)
        assert coverage(supplier)[0] == new.valid_to

        decide(reject_certificate, new)

        old.refresh_from_db()
        assert (old.status, coverage(supplier)) == ("verified", (old.valid_to, 0, 0))

    def test_supersedes_one_that_is_verified_after_it_at_once(self, supplier, make_certificate, renew, verify):
        old = make_certificate(supplier_id=supplier.pk)
        verify(renew(old))

        late = verify(old)

        assert (late.status, late.version) == ("superseded", 3)
        assert coverage(supplier)[2] == 0

    def test_of_two_that_renew_each_other_one_stays(self, supplier, make_certificate, renew, verify, correct):
        first = make_certificate(supplier_id=supplier.pk)
        second = renew(first)
        correct(first, valid_from=second.valid_from + DAY, supersedes_id=second.pk)

        verify(second), verify(first)

        assert sorted(Certificate.objects.values_list("status", flat=True)) == ["superseded", "verified"]
