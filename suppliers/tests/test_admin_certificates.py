"""Staff's pages of certificates: what they store, what they refuse, what they show to whom."""

from __future__ import annotations

from datetime import timedelta
from html import unescape

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from audit.models import AuditEntry
from qhse import clock
from qhse.adminsite.once import FILES_AGAIN, REPEATED
from qhse.adminsite.tests.forms_of import fields_of
from qhse.attachments.models import Attachment
from qhse.attachments.tests.files import PDF, PNG
from suppliers.models import Certificate, Supplier

pytestmark = pytest.mark.django_db

ADD = "/admin/suppliers/certificate/add/"
LIST = "/admin/suppliers/certificate/"
TYPED = {
    "standard": "iso_9001", "number": "4712", "issuer": "DNV", "valid_from": "2026-07-01", "valid_to": "2029-06-30",
}  # fmt: skip


@pytest.fixture
def browser(users):
    def log_in(role="procurement"):
        client = Client()
        client.force_login(users[role])
        return client

    return log_in


@pytest.fixture
def hand_in(browser):
    """Open the form at an address, fill it in and send it with a document."""

    def send(address=ADD, *, client=None, name="iso9001.pdf", content=PDF, fields=None, **typed):
        client = client or browser()
        fields = fields or fields_of(client.get(address), **typed)
        document = {} if content is None else {"file": SimpleUploadedFile(name, content)}
        return client.post(address, fields | document)

    return send


def page(certificate, step=""):
    return f"{LIST}{certificate.pk}/change/{f'?step={step}' if step else ''}"


def errors_of(response):
    assert response.status_code == 200
    return {name: [str(each) for each in said] for name, said in response.context["adminform"].form.errors.items()}


def shown(response):
    return " ".join(unescape(response.content.decode()).split())


class TestHandingIn:
    def test_stores_certificate_and_document_together(self, make_supplier, hand_in):
        supplier = make_supplier()

        answer = hand_in(supplier=supplier.pk, **TYPED)

        certificate, attachment = Certificate.objects.get(), Attachment.objects.get()
        assert answer["Location"] == page(certificate)
        assert (certificate.supplier, certificate.number) == (supplier, "4712")
        assert (attachment.entity_type, attachment.entity_id) == ("certificate", str(certificate.pk))
        assert list(AuditEntry.objects.order_by("id").values_list("action", flat=True))[-2:] == [
            "CERTIFICATE_SUBMITTED", "FILE_ATTACHED",
        ]  # fmt: skip

    def test_takes_one_whose_document_comes_later(self, make_supplier, hand_in):
        assert hand_in(supplier=make_supplier().pk, content=None, **TYPED).status_code == 302
        assert (Certificate.objects.count(), Attachment.objects.count()) == (1, 0)

    @pytest.mark.parametrize(
        ("name", "content", "said"),
        [("iso9001.exe", PDF, "The name must end with"), ("iso9001.pdf", PNG, "not that of a .pdf file"),
         ("iso9001.pdf", b"", "The file is empty"), ("big.pdf", PDF + b" " * 1_000_000, "larger than")],
    )  # fmt: skip
    def test_with_a_document_that_is_none_stores_nothing(self, settings, make_supplier, hand_in, row_counts, name,
                                                          content, said):  # fmt: skip
        settings.ATTACHMENT_MAX_BYTES = 500_000
        supplier = make_supplier()
        before = row_counts()

        (told,) = errors_of(hand_in(supplier=supplier.pk, name=name, content=content, **TYPED))["file"]

        assert said in told
        assert (row_counts(), Certificate.objects.count()) == (before, 0)

    def test_of_wrong_values_asks_for_the_document_again_and_keeps_the_rest(self, make_supplier, hand_in, row_counts):
        supplier = make_supplier()
        before = row_counts()

        answer = hand_in(supplier=supplier.pk, **TYPED | {"valid_to": "2026-06-30"})

        errors = errors_of(answer)
        assert list(errors) == ["valid_to", "file"] and errors["file"] == [FILES_AGAIN]
        assert 'value="4712"' in shown(answer)
        assert row_counts() == before

    def test_twice_leads_to_the_one_that_is_there(self, make_certificate, hand_in):
        first = make_certificate()
        typed = {name: str(getattr(first, name)) for name in TYPED}

        errors = errors_of(hand_in(supplier=first.supplier_id, **typed))

        assert f'<a href="{page(first)}">' in errors["number"][0]

    def test_by_the_same_form_again_stores_nothing_more(self, make_supplier, hand_in, browser):
        client = browser()
        fields = fields_of(client.get(ADD), supplier=make_supplier().pk, **TYPED)

        hand_in(client=client, fields=fields)
        again = hand_in(client=client, fields=fields)

        assert (Certificate.objects.count(), Attachment.objects.count()) == (1, 1)
        assert REPEATED in shown(client.get(again["Location"]))

    def test_is_not_for_who_verifies(self, browser):
        assert browser("quality").get(ADD).status_code == 403
        assert browser("quality").post(ADD, {**TYPED, "file": SimpleUploadedFile("x.pdf", PDF)}).status_code == 403

    @pytest.mark.parametrize("query", ["renews=x", "renews=999999", "renews=%00", "renews=" + "9" * 40, "supplier=x",
                                       "standard=x", "supersedes=x"])  # fmt: skip
    def test_opens_whatever_stands_in_the_address(self, browser, query):
        assert browser().get(f"{ADD}?{query}").status_code == 200


class TestARenewal:
    def test_comes_with_what_stays_and_names_the_one_it_renews(self, make_certificate, browser, hand_in):
        old = make_certificate(edition="2015", scope="Forging", verified=True)

        fields = fields_of(browser().get(f"{ADD}?renews={old.pk}"))

        assert [fields[name] for name in ("supplier", "supersedes")] == [[str(old.supplier_id)], [str(old.pk)]]
        assert [fields[name] for name in ("standard", "edition", "number", "scope")] == [
            ["iso_9001"], ["2015"], ["12 100 4711"], ["Forging"],
        ]  # fmt: skip
        assert "".join(fields.get("valid_to", "")) == ""

    def test_is_put_in_with_its_document_in_four_clicks_from_the_overview(self, make_certificate, browser, hand_in):
        old = make_certificate(days=20, verified=True)
        overview = shown(browser().get("/admin/"))
        address = f"{ADD}?renews={old.pk}"
        assert f'<a href="{address}">Renew' in overview  # the first; then the chooser, the file, and save

        answer = hand_in(address, valid_from=str(clock.today()), valid_to="2031-06-30")

        new = Certificate.objects.latest("id")
        assert answer.status_code == 302
        assert (new.supersedes, new.number, Attachment.objects.get().entity_id) == (old, old.number, str(new.pk))

    def test_of_another_supplier_than_was_typed_is_refused(self, make_certificate, make_supplier, browser, hand_in):
        old = make_certificate()

        errors = errors_of(hand_in(f"{ADD}?renews={old.pk}", supplier=make_supplier().pk, **TYPED))

        assert "supersedes" in errors


class TestSteps:
    def test_verify_says_who_how_and_where(self, users, browser, make_certificate):
        certificate = make_certificate()

        answer = browser("quality").post(page(certificate, "verify"), {"method": "register", "ref": "Page 7"})

        certificate.refresh_from_db()
        assert (answer.status_code, certificate.status) == (302, "verified")
        assert "by quality: Public register" in shown(browser("auditor").get(page(certificate)))

    def test_verify_is_not_offered_to_who_handed_it_in(self, users, browser, make_certificate):
        own = make_certificate(actor=users["admin"])

        shown_to = {
            role: shown(browser(role).get(page(own))) for role in ("admin", "quality", "procurement", "auditor")
        }

        assert "?step=verify" not in shown_to["admin"] + shown_to["procurement"] + shown_to["auditor"]
        assert "?step=verify" in shown_to["quality"]
        browser("admin").post(page(own, "verify"), {"method": "register"})
        own.refresh_from_db()
        assert own.status == "submitted"

    def test_correct_keeps_what_was_typed_and_asks_for_a_reason(self, browser, make_certificate):
        certificate = make_certificate()
        client = browser()
        fields = fields_of(client.get(page(certificate, "correct")), number="4712")

        errors = errors_of(client.post(page(certificate, "correct"), fields))
        assert list(errors) == ["reason"]
        assert client.post(page(certificate, "correct"), fields | {"reason": "Misread"}).status_code == 302

        assert Certificate.objects.get().number == "4712"

    @pytest.mark.parametrize(("step", "verified"), [("reject", False), ("withdraw", True)])
    def test_that_end_it_ask_for_a_reason_and_leave_a_page_to_read(self, browser, make_certificate, step, verified):
        certificate, client = make_certificate(verified=verified), browser("quality")

        assert list(errors_of(client.post(page(certificate, step), {"reason": " "}))) == ["reason"]
        client.post(page(certificate, step), {"reason": "The register does not know it"})

        told = shown(client.get(page(certificate)))
        assert "The register does not know it" in told
        assert "_save" not in told and "?step=" not in told

    def test_on_one_that_somebody_decided_meanwhile_say_so(self, browser, make_certificate):
        certificate, client = make_certificate(), browser("quality")
        client.post(page(certificate, "reject"), {"reason": "Forged"})

        answer = client.post(page(certificate, "verify"), {"method": "register", "ref": "Page 7"}, follow=True)

        assert "has been rejected already" in shown(answer)
        assert "You had written: Where: Page 7" in shown(answer)

    def test_a_file_is_added_by_buyers_and_quality(self, browser, make_certificate):
        certificate = make_certificate()

        for role in ("procurement", "quality"):
            file = SimpleUploadedFile("register.pdf", PDF)
            assert browser(role).post(page(certificate, "add_file"), {"file": file}).status_code == 302
        assert Attachment.objects.count() == 2

    def test_of_a_merged_supplier_are_none(self, browser, make_certificate, make_supplier):
        certificate = make_certificate()
        Supplier.objects.filter(pk=certificate.supplier_id).update(merged_into=make_supplier())

        assert "?step=" not in shown(browser("admin").get(page(certificate)))


class TestTheList:
    def rows(self, client, query):
        return [each.pk for each in client.get(f"{LIST}{query}").context["cl"].result_list]

    def test_shows_what_speaks_for_suppliers_the_most_urgent_first(self, browser, make_certificate):
        later, sooner, rejected = make_certificate(), make_certificate(days=5), make_certificate()
        browser("quality").post(page(rejected, "reject"), {"reason": "Forged"})
        client = browser("auditor")

        assert self.rows(client, "") == [sooner.pk, later.pk]
        assert self.rows(client, "?status=rejected") == [rejected.pk]
        assert set(self.rows(client, "?status=all")) == {later.pk, sooner.pk, rejected.pk}
        assert "5 days left" in shown(client.get(LIST))

    def test_is_narrowed_as_the_api_does_it(self, browser, make_certificate):
        old = clock.today() - timedelta(days=2_000)
        ending = make_certificate(days=59, number="A", standard="iso_14001", edition="2015")
        expired = make_certificate(days=-1, number="C", valid_from=old)
        verified = make_certificate(verified=True)
        Supplier.objects.filter(pk=ending.supplier_id).update(cert_missing=1)
        client = browser("auditor")

        for query, expected in {
            "?ending=expired": [expired], "?ending=60": [ending], "?ending=30": [], "?standard=iso_14001": [ending],
            "?edition=superseded": [ending], "?missing=yes": [ending], "?status=verified": [verified],
            f"?supplier={ending.supplier_id}": [ending], "?q=4711": [verified],
        }.items():  # fmt: skip
            assert self.rows(client, query) == [each.pk for each in expected], query
        assert "superseded by 2026" in shown(client.get(f"{LIST}?edition=superseded"))

    @pytest.mark.parametrize("query", ["?ending=7", "?supplier=x", "?supplier=999999", "?edition=1", "?scope=x"])
    def test_says_that_a_filter_was_not_understood(self, browser, query):
        answer = browser("auditor").get(f"{LIST}{query}", follow=True)

        assert "was not understood" in shown(answer)


class TestPanels:
    def panel(self, role, address, panel_id, browser):
        context = browser(role).get(address).context
        return next((each for each in context["panels"] if each.get("id") == panel_id), None)

    def test_a_suppliers_page_has_what_is_missing_current_and_declared(self, browser, make_supplier, make_certificate):
        supplier = make_supplier(certification_expiry=clock.today() + timedelta(days=900))
        Supplier.objects.filter(pk=supplier.pk).update(required_standards=["iso_9001", "iso_14001"])
        certificate = make_certificate(supplier_id=supplier.pk, days=20)
        address = f"/admin/suppliers/supplier/{supplier.pk}/change/"

        panel = self.panel("procurement", address, "certificates", browser)
        told = shown(browser().get(address))

        assert len(panel["rows"]) == 2
        assert panel["note"].startswith("Declared, not proven: ")
        assert f"{ADD}?supplier={supplier.pk}&standard=iso_14001" in told
        assert f"{ADD}?renews={certificate.pk}" in told and "20 days left" in told
        assert "Hand in a certificate" in told
        assert "Hand in a certificate" not in shown(browser("quality").get(address))

    def test_a_suppliers_page_says_that_one_is_missing_until_the_one_at_hand_begins(
        self, browser, make_supplier, make_certificate
    ):
        supplier = make_supplier()
        Supplier.objects.filter(pk=supplier.pk).update(required_standards=["iso_9001"])
        begins = clock.today() + timedelta(days=7)
        make_certificate(supplier_id=supplier.pk, valid_from=begins, verified=True)

        told = shown(browser("quality").get(f"/admin/suppliers/supplier/{supplier.pk}/change/"))

        assert "Missing" in told and f"begins on {begins}" in told
        assert "a required standard has no verified certificate that has begun" in told

    def test_a_renewal_that_is_at_hand_is_not_asked_for_again(self, browser, make_certificate):
        old = make_certificate(days=20)
        make_certificate(
            supplier_id=old.supplier_id, number="2", supersedes_id=old.pk,
            valid_from=old.valid_from + timedelta(days=1),
        )  # fmt: skip

        told = shown(browser().get(f"/admin/suppliers/supplier/{old.supplier_id}/change/"))

        assert f"{ADD}?renews={old.pk}" not in told

    def test_the_overview_has_what_waits_for_each(self, users, browser, make_certificate):
        mine, others = make_certificate(actor=users["admin"]), make_certificate(days=20)

        to_verify = {role: self.panel(role, "/admin/", "certificates-to-verify", browser) for role in users}
        to_renew = {role: self.panel(role, "/admin/", "certificates-to-renew", browser) for role in users}

        assert {role for role, panel in to_verify.items() if panel} == {"quality", "admin"}
        assert {role for role, panel in to_renew.items() if panel} == {"procurement", "admin"}
        assert (len(to_verify["quality"]["rows"]), len(to_verify["admin"]["rows"])) == (2, 1)
        assert len(to_renew["procurement"]["rows"]) == 1
        assert page(mine) not in str(to_verify["admin"]["rows"]) and page(others) in str(to_renew["admin"]["rows"])
