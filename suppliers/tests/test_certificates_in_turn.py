"""Two writers meet at one certificate, or at one supplier. The second waits and sees what the first did."""

from __future__ import annotations

from datetime import timedelta

import pytest

from outbox.models import OutboxEvent
from qhse.accounts.models import User
from qhse.errors import AnotherPersonMust
from qhse.tests.waiting import at_once
from suppliers.errors import (
    CertificateIsKnown,
    CertificateMoveIsForbidden,
    SupplierIsMerged,
)
from suppliers.models import Certificate, Supplier
from suppliers.services import correct_certificate, reject_certificate, verify_certificate
from suppliers.tests.turns import in_turn

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def certificate(make_certificate):
    return make_certificate()


def test_two_who_hand_one_in_at_once_store_one(make_certificate, make_supplier):
    supplier = make_supplier()

    results = in_turn(
        lambda: make_certificate(supplier_id=supplier.pk).pk, lambda: make_certificate(supplier_id=supplier.pk)
    )

    assert isinstance(results[1], CertificateIsKnown)
    assert Certificate.objects.count() == 1


def test_verified_and_rejected_at_once_it_is_what_came_first(users, certificate):
    results = in_turn(
        lambda: verify_certificate(certificate_id=certificate.pk, method="register", actor=users["quality"]).status,
        lambda: reject_certificate(certificate_id=certificate.pk, reason="Forged", actor=users["admin"]),
    )

    assert results[0] == "verified"
    assert isinstance(results[1], CertificateMoveIsForbidden)


def test_who_has_just_corrected_it_does_not_verify_it_in_another_tab(users, certificate):
    results = in_turn(
        lambda: (
            correct_certificate(
                certificate_id=certificate.pk, values={"number": "1"}, reason="Misread", actor=users["admin"]
            ).number
        ),
        lambda: verify_certificate(certificate_id=certificate.pk, method="register", actor=users["admin"]),
    )

    assert isinstance(results[1], AnotherPersonMust)


def test_of_many_who_verify_it_one_does(users, certificate):
    people = [User.objects.create(username=f"lena{number}", role="quality") for number in range(6)]

    at_once(6, lambda n: verify_certificate(certificate_id=certificate.pk, method="register", actor=people[n]) and None)

    assert OutboxEvent.objects.filter(event_type="CERTIFICATE_VERIFIED").count() == 1


def test_those_of_one_supplier_are_counted_however_they_meet(users, make_certificate, make_supplier):
    supplier = make_supplier()
    Supplier.objects.filter(pk=supplier.pk).update(required_standards=["iso_9001"])
    made = [make_certificate(supplier_id=supplier.pk, number=str(n), days=100 + n) for n in range(6)]

    at_once(6, lambda n: verify_certificate(
        certificate_id=made[n].pk, method="register", actor=users["quality"]) and None)  # fmt: skip

    supplier.refresh_from_db()
    last = max(each.valid_to for each in made)
    assert (supplier.cert_ends_on, supplier.cert_missing, supplier.cert_unverified) == (last, 0, 0)


class TestAMergeMeanwhile:
    """Whoever merges locks the supplier, moves its certificates, and says where they are now."""

    def merge(self, certificate, into):
        def do():
            source = Supplier.objects.select_for_update(no_key=True).get(pk=certificate.supplier_id)
            Certificate.objects.filter(supplier_id=source.pk).update(supplier_id=into.pk)
            Supplier.objects.filter(pk=source.pk).update(merged_into=into)

        return do

    def test_does_not_keep_a_moved_certificate_from_being_verified(self, users, certificate, make_supplier):
        into = make_supplier()

        results = in_turn(
            self.merge(certificate, into),
            lambda: (
                verify_certificate(certificate_id=certificate.pk, method="register", actor=users["quality"]).supplier_id
            ),
        )

        assert results[1] == into.pk
        assert OutboxEvent.objects.get(event_type="CERTIFICATE_VERIFIED").aggregate_id == str(into.pk)

    def test_refuses_a_new_one_of_the_merged(self, certificate, make_certificate, make_supplier):
        into = make_supplier()

        results = in_turn(
            self.merge(certificate, into),
            lambda: make_certificate(
                supplier_id=certificate.supplier_id, number="2", valid_from=certificate.valid_from + timedelta(days=1)
            ),
        )

        assert isinstance(results[1], SupplierIsMerged)
