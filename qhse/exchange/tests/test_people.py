"""Four eyes see who prepared an import: who checked its file, who set it up, who started it."""

from __future__ import annotations

import pytest

from ncs.models import NonConformity
from ncs.services import concede_nonconformity, correct_nonconformity, dispose_nonconformity
from qhse.accounts.models import User
from qhse.accounts.roles import Role
from qhse.errors import AnotherPersonMust
from qhse.exchange.people import prepared_import_of
from qhse.exchange.running import run_waiting
from qhse.exchange.services import change_import, start_import
from suppliers.models import Certificate
from suppliers.services import correct_certificate, verify_certificate
from suppliers.services.certificates import stands_behind
from suppliers.work import to_verify_by

pytestmark = pytest.mark.django_db

CERTIFICATES = (
    "Lieferant;Norm;Zertifikatsnummer;Aussteller;Gültig ab;Gültig bis\n"
    "Hansa Forge GmbH;ISO 9001:2015;QM-4711;TÜV;01.07.2026;30.06.2029\n"
)
CASES = "Supplier;Severity;Description\nHansa Forge GmbH;low;Burrs\n"


@pytest.fixture
def people(users):
    """Four who may do it all, and have no part in each other's work."""
    made = [User(username=f"admin-{number}", role=Role.ADMIN, password="!") for number in range(4)]
    return User.objects.bulk_create(made)


@pytest.fixture
def imported(preview, make_supplier, people):
    """Import a file that the first checks, the second sets up, and the third starts."""
    make_supplier(name="Hansa Forge GmbH")

    def run(kind, content):
        job = preview(content.encode(), kind=kind, actor=people[0])
        change_import(import_id=job.pk, mode="good_rows", actor=people[1])
        start_import(import_id=job.pk, actor=people[2])
        assert run_waiting() == 1
        job.refresh_from_db()
        assert (job.rows_refused, job.status) == (0, "done"), job.problems
        return job

    return run


@pytest.mark.parametrize("who", [0, 1, 2])
def test_none_of_them_verifies_the_certificate_and_somebody_else_does(imported, people, who):
    imported("certificates", CERTIFICATES)
    certificate = Certificate.objects.get()

    with pytest.raises(AnotherPersonMust):
        verify_certificate(certificate_id=certificate.pk, method="register", actor=people[who])
    assert verify_certificate(certificate_id=certificate.pk, method="register", actor=people[3]).status == "verified"


@pytest.mark.parametrize("who", [0, 1, 2])
def test_none_of_them_verifies_a_certificate_that_their_file_has_corrected(imported, people, who, make_certificate):
    imported("certificates", CERTIFICATES)
    Certificate.objects.update(submitted_by=people[3])
    imported("certificates", CERTIFICATES.replace("30.06.2029", "30.06.2028"))

    with pytest.raises(AnotherPersonMust):
        verify_certificate(certificate_id=Certificate.objects.get().pk, method="register", actor=people[who])


def test_it_waits_for_exactly_those_who_may_verify_it(imported, people, users, make_certificate):
    imported("certificates", CERTIFICATES)
    by_file, by_hand = Certificate.objects.get(), make_certificate(actor=people[3])
    correct_certificate(certificate_id=by_hand.pk, values={"number": "4712"}, reason="Mistyped", actor=people[0])

    for each in (*people, users["quality"]):
        waiting = set(to_verify_by(each))
        assert waiting == {one for one in (by_file, by_hand) if not stands_behind(one, each)}
    assert [set(to_verify_by(each)) for each in (people[0], people[1], people[3])] == [set(), {by_hand}, {by_file}]


@pytest.mark.parametrize("who", [0, 1, 2])
def test_none_of_them_gives_the_concession_for_the_case_and_somebody_else_does(imported, people, who):
    imported("cases", CASES)
    nc = NonConformity.objects.get()
    dispose_nonconformity(nc_id=nc.pk, disposition="use_as_is", reason="It fits", actor=people[who])

    with pytest.raises(AnotherPersonMust):
        concede_nonconformity(nc_id=nc.pk, reason="Drawing allows it", actor=people[who])
    assert concede_nonconformity(nc_id=nc.pk, reason="It does", actor=people[3]).concession_by_id == people[3].pk


def test_who_prepared_another_import_has_no_part_in_it(imported, people, preview):
    imported("certificates", CERTIFICATES)
    other = preview(CASES.encode(), kind="cases", actor=people[3])
    start_import(import_id=other.pk, actor=people[3])
    run_waiting()

    assert not prepared_import_of(people[3], "certificate", Certificate.objects.get().pk)
    assert prepared_import_of(people[3], "nonconformity", NonConformity.objects.get().pk)


def test_what_was_written_by_hand_was_prepared_by_nobody(make_nc, people, users):
    nc = make_nc()
    correct_nonconformity(nc_id=nc.pk, values={"part_no": "4711"}, actor=people[0], reason="Mistyped")

    assert not any(prepared_import_of(each, "nonconformity", nc.pk) for each in (*people, *users.values()))


def test_a_person_sees_no_button_for_what_they_may_not_do(imported, people, client):
    imported("certificates", CERTIFICATES)
    page = f"/admin/suppliers/certificate/{Certificate.objects.get().pk}/change/"
    User.objects.update(is_staff=True)
    shown = []
    for who in (0, 3):
        client.force_login(people[who])
        shown.append("step=verify" in client.get(page).content.decode())

    assert shown == [False, True]
