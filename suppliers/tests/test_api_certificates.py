"""`/certificates` does what the contract says, and says what it did."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from audit.models import AuditEntry
from qhse import clock
from qhse.attachments.tests.files import PDF
from suppliers.models import Certificate, Supplier

pytestmark = pytest.mark.django_db

FIELDS = {
    "id", "supplier_id", "supplier_name", "standard", "edition", "number", "issuer", "accreditation_body", "scope",
    "sites", "valid_from", "valid_to", "days_left", "in_date", "on_superseded_edition", "last_surveillance_on",
    "supersedes", "status", "status_reason", "submitted_at", "submitted_by", "verified_at", "verified_by",
    "verify_method", "verify_ref", "decided_at", "decided_by",
}  # fmt: skip
BODY = {
    "standard": "iso_9001", "number": " 12  100 4711 ", "issuer": "TÜV Nord Cert", "valid_from": "2026-07-01",
    "valid_to": "2029-06-30",
}  # fmt: skip


def ids(response):
    assert response.status_code == 200, response.content
    return [row["id"] for row in response.json()["results"]]


class TestHandingIn:
    def test_answers_the_stored_certificate(self, api, make_supplier):
        supplier = make_supplier(name="Hansa Forge GmbH")

        response = api("procurement").post("/certificates", BODY | {"supplier_id": supplier.pk})

        body = response.json()
        assert (response.status_code, set(body), response["ETag"]) == (201, FIELDS, '"1"')
        assert (body["supplier_id"], body["supplier_name"]) == (supplier.pk, "Hansa Forge GmbH")
        assert (body["number"], body["status"], body["valid_to"]) == ("12 100 4711", "submitted", "2029-06-30")
        assert body["days_left"] == (date(2029, 6, 30) - clock.today()).days
        assert api("auditor").get(f"/certificates/{body['id']}").json() == body

    def test_of_an_unknown_supplier_is_400_and_leaves_nothing(self, api, problem_of, row_counts):
        before = row_counts()

        problem = problem_of(api("procurement").post("/certificates", BODY | {"supplier_id": 999_999}), 400)

        assert (problem["code"], problem["errors"][0]["field"]) == ("unknown_supplier", "supplier_id")
        assert row_counts() == before

    def test_twice_is_400_with_the_id_of_the_first(self, api, problem_of, make_supplier):
        body = BODY | {"supplier_id": make_supplier().pk}
        first = api("procurement").post("/certificates", body).json()

        problem = problem_of(api("admin").post("/certificates", body), 400)

        assert (problem["code"], problem["existing_id"]) == ("duplicate_certificate", first["id"])

    def test_of_a_merged_supplier_is_409(self, api, problem_of, make_supplier):
        merged, other = make_supplier(), make_supplier()
        Supplier.objects.filter(pk=merged.pk).update(merged_into=other)

        problem = problem_of(api("procurement").post("/certificates", BODY | {"supplier_id": merged.pk}), 409)

        assert problem["code"] == "supplier_is_merged"
        assert other.code in problem["detail"]

    def test_under_a_key_is_answered_again(self, api, make_supplier):
        body = BODY | {"supplier_id": make_supplier().pk}

        answers = [api("procurement").post("/certificates", body, HTTP_IDEMPOTENCY_KEY="renewal-7") for _ in range(2)]

        assert answers[0].json() == answers[1].json()
        assert (answers[1]["Idempotency-Replayed"], Certificate.objects.count()) == ("true", 1)

    @pytest.mark.parametrize("values", [{"valid_to": "2026-07-01"}, {"edition": "x" * 11}, {"supersedes": 999_999}])
    def test_names_the_field_that_is_wrong(self, api, problem_of, make_supplier, values):
        body = BODY | {"supplier_id": make_supplier().pk} | values

        problem = problem_of(api("procurement").post("/certificates", body), 400)

        assert [error["field"] for error in problem["errors"]] == list(values)


class TestSteps:
    def test_are_taken_by_two_people(self, api, users, make_certificate, problem_of):
        certificate = make_certificate(actor=users["admin"])
        address = f"/certificates/{certificate.pk}"

        own = problem_of(api("admin").patch(f"{address}/verify", {"method": "register"}), 403)
        body = api("quality").patch(f"{address}/verify", {"method": "issuer", "ref": "Mail of 3 May"}).json()

        assert own["code"] == "another_person_must"
        assert (body["status"], body["verify_method"], body["verify_ref"]) == ("verified", "issuer", "Mail of 3 May")
        assert body["verified_by"] == users["quality"].pk
        entry = AuditEntry.objects.get(action="CERTIFICATE_VERIFIED")
        assert (entry.source, entry.actor) == ("api", "quality")

    def test_of_a_changed_certificate_are_412(self, api, make_certificate, problem_of):
        address = f"/certificates/{make_certificate().pk}"
        corrected = api("procurement").patch(address, {"number": "7", "reason": "Misread"}, HTTP_IF_MATCH='"1"')

        assert (corrected.status_code, corrected["ETag"]) == (200, '"2"')
        for step, body in (("verify", {"method": "register"}), ("reject", {"reason": "x"})):
            problem_of(api("quality").patch(f"{address}/{step}", body, HTTP_IF_MATCH='"1"'), 412)

    def test_out_of_order_are_409_and_say_why(self, api, make_certificate, problem_of):
        waiting, verified = make_certificate(), make_certificate(verified=True)

        for pk, path, body, role in (
            (waiting.pk, "/withdraw", {"reason": "x"}, "quality"),
            (verified.pk, "/reject", {"reason": "x"}, "quality"),
            (verified.pk, "", {"number": "8", "reason": "x"}, "procurement"),
        ):
            problem = problem_of(api(role).patch(f"/certificates/{pk}{path}", body), 409)
            assert problem["code"] == "forbidden_move"

    @pytest.mark.parametrize("path", ["", "/verify", "/reject", "/withdraw"])
    def test_of_one_that_is_not_there_are_404(self, api, problem_of, path):
        body = {"method": "register"} if path == "/verify" else {"reason": "x"}

        assert (
            problem_of(api("admin").patch(f"/certificates/999999{path}", body), 404)["code"] == "certificate_not_found"
        )

    def test_stand_in_its_timeline(self, api, make_certificate):
        certificate = make_certificate(verified=True)

        entries = api("auditor").get(f"/certificates/{certificate.pk}/timeline").json()["results"]

        assert [entry["action"] for entry in entries] == ["CERTIFICATE_VERIFIED", "CERTIFICATE_SUBMITTED"]


class TestTheList:
    def test_is_filtered_by_what_people_look_for(self, api, users, make_certificate, make_supplier):
        client, old = api("auditor"), clock.today() - timedelta(days=2_000)
        verified = make_certificate(verified=True)
        ending = make_certificate(days=59, number="A", standard="iso_14001", edition="2015")
        today = make_certificate(days=0, number="B", issuer="Lloyd's Register", valid_from=old)
        expired = make_certificate(days=-1, number="C", valid_from=old, supplier_id=make_supplier(name="Käfer Guß").pk)
        Supplier.objects.filter(pk=ending.supplier_id).update(cert_missing=1)
        everything = [expired.pk, today.pk, ending.pk, verified.pk]

        for query, expected in {
            "": everything,
            f"supplier_id={ending.supplier_id}": [ending.pk],
            "standard=iso_14001": [ending.pk],
            "status=verified": [verified.pk],
            "ending_within=0": [today.pk],
            "ending_within=58": [today.pk],
            "ending_within=59": [today.pk, ending.pk],
            "expired=true": [expired.pk],
            "expired=false": [today.pk, ending.pk, verified.pk],
            "missing=true": [ending.pk],
            "missing=false": [expired.pk, today.pk, verified.pk],
            "unverified=true": [expired.pk, today.pk, ending.pk],
            "unverified=false": [verified.pk],
            "superseded_edition=true": [ending.pk],
            "superseded_edition=false": [expired.pk, today.pk, verified.pk],
            "search=4711": [verified.pk],
            "search=lloyds": [],
            "search=lloyd": [today.pk],
            "search=kafer+guss": [expired.pk],
            "search=": everything,
            "unverified=true&ending_within=59&ordering=-valid_to": [ending.pk, today.pk],
            "ordering=valid_to": [expired.pk, today.pk, ending.pk, verified.pk],
        }.items():
            assert ids(client.get(f"/certificates?{query}")) == expected, query

    @pytest.mark.parametrize(
        "query", ["ending_within=-1", "ending_within=x", "ending_within=1.5", "ending_within=36501", "ending_within=７",
                  "expired=1", "standard=iso_9000", "status=expired", "ordering=scope"]
    )  # fmt: skip
    def test_refuses_what_it_does_not_understand(self, api, problem_of, query):
        problem = problem_of(api("auditor").get(f"/certificates?{query}"), 400)

        assert [error["field"] for error in problem["errors"]] == [query.partition("=")[0]]

    def test_asks_for_its_suppliers_once(self, api, make_certificate, django_assert_max_num_queries):
        for _ in range(5):
            make_certificate()
        client = api("auditor")

        with django_assert_max_num_queries(8):
            names = [row["supplier_name"] for row in client.get("/certificates").json()["results"]]

        assert len(set(names)) == 5

    def test_of_withdrawn_ones_leaves_them_out_of_what_ends(self, api, make_certificate):
        certificate = make_certificate(days=5, verified=True)
        api("quality").patch(f"/certificates/{certificate.pk}/withdraw", {"reason": "Suspended"})

        assert ids(api("auditor").get("/certificates?ending_within=90")) == []


class TestWhatACertificateSays:
    def test_about_its_days_and_its_edition(self, api, make_certificate):
        certificate = make_certificate(days=0, standard="iso_27001", edition="2013")
        later = make_certificate(days=9, valid_from=clock.today() + timedelta(days=1), edition="2015")

        said = [api("auditor").get(f"/certificates/{each.pk}").json() for each in (certificate, later)]

        assert [(each["days_left"], each["in_date"]) for each in said] == [(0, True), (9, False)]
        assert [each["on_superseded_edition"] for each in said] == [True, False]


class TestTheSupplier:
    def test_says_what_is_proven_beside_what_is_declared(self, api, make_supplier, make_certificate):
        supplier = make_supplier(certification_expiry=clock.today() + timedelta(days=900))
        client = api("auditor")

        def said():
            body = client.get(f"/suppliers/{supplier.pk}").json()
            return body["proven_until"], body["declared_not_proven"]

        assert said() == (None, True)
        certificate = make_certificate(supplier_id=supplier.pk, days=800)
        assert said() == (None, True)
        api("quality").patch(f"/certificates/{certificate.pk}/verify", {"method": "register"})
        assert said() == (certificate.valid_to.isoformat(), True)
        declared = {"certification_expiry": certificate.valid_to.isoformat()}
        assert api("procurement").patch(f"/suppliers/{supplier.pk}/certification", declared).status_code == 200
        assert said() == (certificate.valid_to.isoformat(), False)


class TestFiles:
    def attach(self, client, kind, pk):
        file = SimpleUploadedFile("iso9001.pdf", PDF)
        form = {"entity_type": kind, "entity_id": str(pk), "file": file}
        return client.post("/attachments", form, format="multipart")

    @pytest.mark.parametrize(("role", "status"), [("procurement", 201), ("quality", 201), ("auditor", 403)])
    def test_are_taken_by_certificates_and_suppliers(self, api, make_certificate, role, status):
        certificate = make_certificate()

        assert self.attach(api(role), "certificate", certificate.pk).status_code == status
        assert self.attach(api(role), "supplier", certificate.supplier_id).status_code == status

    def test_stay_as_they_are_once_it_was_rejected(self, api, make_certificate, problem_of):
        certificate = make_certificate()
        api("quality").patch(f"/certificates/{certificate.pk}/reject", {"reason": "Forged"})

        assert problem_of(self.attach(api("quality"), "certificate", certificate.pk), 409)["code"] == "forbidden_move"

    @pytest.mark.parametrize("kind", ["certificate", "supplier"])
    @pytest.mark.parametrize("pk", ["999999", "0", "01", "x", "9" * 19])
    def test_of_a_record_that_is_not_there_are_refused(self, api, problem_of, kind, pk):
        problem_of(self.attach(api("quality"), kind, pk), 400)

    def test_of_a_merged_supplier_are_refused(self, api, problem_of, make_supplier):
        merged = make_supplier()
        Supplier.objects.filter(pk=merged.pk).update(merged_into=make_supplier())

        assert problem_of(self.attach(api("quality"), "supplier", merged.pk), 409)["code"] == "supplier_is_merged"
