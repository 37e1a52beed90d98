"""What people may do with a supplier on its page: each step has its form, its roles and its service."""

from __future__ import annotations

import pytest
from django.test import Client

from audit.models import AuditEntry
from qhse.adminsite.tests.forms_of import open_and_fill
from suppliers.models import Supplier
from suppliers.services import change_supplier_status, merge_supplier
from suppliers.tests.made import a_certificate

pytestmark = pytest.mark.django_db

DETAILS = {"criticality": "B", "country": "", "category": "", "external_ref": "", "contact_name": "",
           "contact_email": "", "next_review_on": ""}  # fmt: skip


@pytest.fixture
def browser(users):
    def of(role):
        client = Client()
        client.force_login(users[role])
        return client

    return of


def page(supplier, step=""):
    return f"/admin/suppliers/supplier/{supplier.pk}/change/" + (f"?step={step}" if step else "")


def steps_of(response):
    return [label for label, _, _ in response.context["steps"]]


class TestWhoTakesWhich:
    @pytest.mark.parametrize(
        ("role", "offered"),
        [
            ("procurement", ["Update certification", "Correct", "Change status", "Add a file"]),
            ("quality", ["Change status", "Add a file"]),
            ("auditor", []),
            ("admin", ["Update certification", "Correct", "Change status", "Add a file", "Merge"]),
        ],
    )
    def test_a_role_is_offered_what_it_may_do(self, browser, make_supplier, role, offered):
        assert steps_of(browser(role).get(page(make_supplier()))) == offered

    @pytest.mark.parametrize("role", ["quality", "procurement", "auditor", "admin"])
    def test_everybody_reads_the_facts(self, browser, make_supplier, role):
        supplier = make_supplier(country="IT", external_ref="K-4711", required_standards=["iso_9001"])

        shown = browser(role).get(page(supplier)).content.decode()

        for text in (supplier.code, "Italy", "K-4711", "ISO 9001", "1 missing", "Pending"):
            assert text in shown

    def test_a_step_of_another_role_is_refused(self, browser, make_supplier):
        supplier = make_supplier()

        for role, step in (("quality", "correct"), ("procurement", "merge"), ("auditor", "status")):
            assert browser(role).post(page(supplier, step), {"reason": "x"}).status_code == 403

        assert Supplier.objects.get().version == 1

    def test_the_status_is_no_step_for_whom_nothing_is_to_decide(self, users, browser, make_supplier):
        supplier = make_supplier()
        change_supplier_status(supplier_id=supplier.pk, status="disqualified", actor=users["admin"], reason="Fraud")

        assert "Change status" not in steps_of(browser("quality").get(page(supplier)))
        assert "Change status" in steps_of(browser("admin").get(page(supplier)))


class TestCorrect:
    def test_changes_everything_at_once_with_a_reason(self, browser, make_supplier):
        supplier = make_supplier(name="Hansa Forge", required_standards=["iso_9001"])
        values = {**DETAILS, "name": "Hansa Forge AG", "country": "DE", "criticality": "A", "contact_name": "Anna",
                  "required_standards": ["iso_9001", "as_9100"], "reason": "Renamed"}  # fmt: skip

        response = browser("procurement").post(page(supplier, "correct"), values, follow=True)

        supplier.refresh_from_db()
        assert (supplier.name, supplier.country, supplier.criticality) == ("Hansa Forge AG", "DE", "A")
        assert supplier.required_standards == ["as_9100", "iso_9001"]
        assert AuditEntry.objects.get(action="SUPPLIER_CORRECTED").reason == "Renamed"
        said = str(next(iter(response.context["messages"])))
        assert "required standards: ISO 9001, AS 9100" in said

    def test_begins_with_what_is_stored(self, browser, make_supplier):
        supplier = make_supplier(country="IT", required_standards=["iso_9001"])

        form = browser("procurement").get(page(supplier, "correct")).context["adminform"].form

        assert (form["name"].value(), form["country"].value()) == (supplier.name, "IT")
        assert form["required_standards"].value() == ["iso_9001"]

    @pytest.mark.parametrize(
        ("values", "field"),
        [({"name": "RHEIN castings"}, "name"), ({"external_ref": "K-1"}, "external_ref"), ({"reason": ""}, "reason"),
         ({"contact_email": "anna"}, "contact_email"), ({"country": "UK"}, "country")],
    )  # fmt: skip
    def test_a_refusal_stands_beside_its_field(self, browser, make_supplier, values, field):
        make_supplier(name="Rhein Castings", external_ref="K-1")
        supplier = make_supplier()

        response = browser("admin").post(
            page(supplier, "correct"), {**DETAILS, "name": "Hansa", "reason": "x", **values}
        )

        assert list(response.context["adminform"].form.errors) == [field]

    def test_what_somebody_else_has_changed_meanwhile_is_kept(self, browser, make_supplier):
        supplier = make_supplier()
        client = browser("procurement")
        fields = open_and_fill(client, page(supplier, "correct"), contact_name="Anna", reason="New")
        client.post(
            page(supplier, "correct"),
            {**DETAILS, "name": supplier.name, "required_standards": ["iso_9001"], "reason": "Car line"},
        )

        response = client.post(page(supplier, "correct"), fields)

        form = response.context["adminform"].form
        assert form.is_stale
        assert form["required_standards"].value() == ["iso_9001"]
        assert form["contact_name"].value() == "Anna"


class TestStatus:
    @pytest.mark.parametrize(
        ("role", "offered"),
        [("procurement", ["conditional", "rejected"]), ("quality", ["approved", "conditional"]),
         ("admin", ["approved", "conditional", "rejected", "disqualified"])],
    )  # fmt: skip
    def test_offers_what_the_role_may_decide(self, browser, make_supplier, role, offered):
        form = browser(role).get(page(make_supplier(), "status")).context["adminform"].form

        assert [value for value, _ in form.fields["decision"].choices] == offered

    def test_is_decided_with_a_reason(self, users, browser, make_supplier):
        supplier = make_supplier()

        browser("quality").post(page(supplier, "status"), {"decision": "conditional", "reason": "First lot only"})

        supplier.refresh_from_db()
        assert (supplier.status, supplier.status_by) == ("conditional", users["quality"])
        shown = browser("auditor").get(page(supplier)).content.decode()
        assert "First lot only" in shown
        assert "by quality on" in shown

    def test_says_before_what_an_approval_lacks_and_refuses_it_beside_the_field(self, users, browser, make_supplier):
        supplier = make_supplier(required_standards=["iso_9001"])
        a_certificate(supplier, users["procurement"])
        client = browser("quality")

        assert "It cannot be approved without conditions yet" in client.get(page(supplier, "status")).content.decode()
        refused = client.post(page(supplier, "status"), {"decision": "approved", "reason": "Urgent"})

        assert list(refused.context["adminform"].form.errors) == ["decision"]
        assert "ISO 9001" in str(refused.context["adminform"].form.errors)


class TestMerge:
    def test_leads_to_the_duplicate_which_then_only_names_the_one_that_is_left(self, browser, make_supplier):
        source, target = make_supplier(name="Hansa"), make_supplier(name="Hansa <Forge>")
        client = browser("admin")

        client.post(page(source, "merge"), {"into": target.pk, "reason": "Recorded twice"})

        source.refresh_from_db()
        assert source.merged_into == target
        response = client.get(page(source))
        assert steps_of(response) == []
        assert f"{target.code} Hansa &lt;Forge&gt;" in response.content.decode()
        assert "Merged into this supplier" in client.get(page(target)).content.decode()

    def test_who_is_too_late_is_told_who_is_left(self, users, browser, make_supplier):
        source, target = make_supplier(), make_supplier()
        merge_supplier(supplier_id=source.pk, into_id=target.pk, actor=users["admin"], reason="Twice")

        response = browser("procurement").post(page(source), {"certification_expiry": "2031-01-31"}, follow=True)

        assert f"has been merged into {target.code}" in str(next(iter(response.context["messages"])))

    def test_refuses_itself_beside_the_field(self, browser, make_supplier):
        supplier = make_supplier()

        response = browser("admin").post(page(supplier, "merge"), {"into": supplier.pk, "reason": "x"})

        assert list(response.context["adminform"].form.errors) == ["into"]

    def test_takes_it_out_of_the_list_and_out_of_choices(self, users, browser, make_supplier):
        source, target = make_supplier(name="Hansa old"), make_supplier(name="Hansa new")
        merge_supplier(supplier_id=source.pk, into_id=target.pk, actor=users["admin"], reason="Twice")
        client = browser("admin")
        choices = {"app_label": "ncs", "model_name": "nonconformity", "field_name": "supplier", "term": "hansa"}

        def listed(query):
            found = client.get("/admin/suppliers/supplier/", query).context["cl"].queryset
            return {supplier.name for supplier in found}

        assert listed({}) == listed({"q": "hansa"}) == {"Hansa new"}
        assert listed({"status": "merged"}) == {"Hansa old"}
        offered = client.get("/admin/autocomplete/", choices).json()["results"]
        assert [each["text"] for each in offered] == ["Hansa new"]


class TestTheList:
    @pytest.fixture
    def listed(self, users, browser, make_supplier):
        make_supplier(name="plain")
        make_supplier(name="german", country="DE", category="material", criticality="A", external_ref="K-4711")
        due = make_supplier(
            name="due", required_standards=["iso_9001"], next_review_on=make_supplier().created_at.date()
        )
        change_supplier_status(supplier_id=due.pk, status="rejected", actor=users["admin"], reason="x")
        Supplier.objects.filter(name__startswith="Hansa").update(cert_unverified=1)

        def names(query):
            found = browser("auditor").get("/admin/suppliers/supplier/", query).context["cl"].queryset
            return {"hansa" if supplier.name.startswith("Hansa") else supplier.name for supplier in found}

        return names

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ({}, {"plain", "german", "due", "hansa"}),
            ({"status": "rejected"}, {"due"}),
            ({"criticality": "A"}, {"german"}),
            ({"category": "material"}, {"german"}),
            ({"country": "DE"}, {"german"}),
            ({"standard": "iso_9001"}, {"due"}),
            ({"required": "missing"}, {"due"}),
            ({"required": "unverified"}, {"hansa"}),
            ({"review": "due"}, {"due"}),
            ({"q": "k-4711"}, {"german"}),
        ],
        ids=lambda value: str(value) if isinstance(value, dict) else "found",
    )
    def test_is_narrowed_by_what_the_api_knows(self, listed, query, found):
        assert listed(query) == found

    def test_orders_by_every_column(self, users, browser, make_supplier):
        for _ in range(2):
            make_supplier()
        client = browser("auditor")

        for number in range(1, 9):
            assert client.get("/admin/suppliers/supplier/", {"o": f"-{number}"}).context["cl"].result_count == 2
