"""The forms end in the service. Its refusal stands beside the field it is about."""

from __future__ import annotations

import re
from datetime import date

import pytest
from django.test import Client

from audit.models import AuditEntry
from outbox.testing import assert_published, assert_publishes_nothing
from suppliers.admin.forms import SupplierAddForm, SupplierChangeForm
from suppliers.events import SupplierCertificationUpdated, SupplierCreated
from suppliers.models import Supplier

pytestmark = pytest.mark.django_db


@pytest.fixture
def filled_in(users):
    """Return a form that somebody in procurement sends in, as the admin page makes it."""

    def fill_in(form_class, values, **arguments):
        form_class = type(form_class.__name__, (form_class,), {"actor": users["procurement"]})
        return form_class(values, **arguments)

    return fill_in


class TestSupplierAddForm:
    def test_records_the_supplier_by_the_service(self, filled_in):
        form = filled_in(SupplierAddForm, {"name": " Hansa  Forge GmbH", "certification_expiry": "2029-06-30"})

        assert form.is_valid()
        assert (form.save().name, form.save().certification_expiry) == ("Hansa Forge GmbH", date(2029, 6, 30))
        assert_published(SupplierCreated, name="Hansa Forge GmbH")

    def test_needs_no_date(self, filled_in):
        form = filled_in(SupplierAddForm, {"name": "Hansa Forge GmbH", "certification_expiry": ""})

        assert form.is_valid()
        assert form.save().certification_expiry is None

    @pytest.mark.parametrize(
        ("values", "field", "says"),
        [
            ({"name": "HANSA FORGE"}, "name", "already a supplier named"),
            ({"name": "Hansa\u200bForge"}, "name", "invisible character"),
            ({"certification_expiry": "1979-12-31"}, "certification_expiry", "not a plausible end date"),
        ],
    )
    def test_shows_the_refusal_of_the_service_beside_its_field(self, make_supplier, filled_in, values, field, says):
        make_supplier(name="Hansa Forge")
        form = filled_in(SupplierAddForm, {"name": "Rhein Castings"} | values)

        with assert_publishes_nothing():
            assert list(form.errors) == [field]

        assert says in str(form.errors[field])


class TestSupplierChangeForm:
    def test_sets_the_date_with_its_reason(self, make_supplier, filled_in):
        supplier = make_supplier(certification_expiry=date(2027, 6, 30))
        values = {"certification_expiry": "2029-06-30", "reason": "Renewal audit passed"}

        assert filled_in(SupplierChangeForm, values, instance=supplier).is_valid()

        assert_published(SupplierCertificationUpdated, certification_expiry="2029-06-30")
        assert AuditEntry.objects.get(action="SUPPLIER_CERT_UPDATED").reason == "Renewal audit passed"

    def test_asks_for_no_reason_because_the_certificate_is_one(self, make_supplier, filled_in):
        form = filled_in(SupplierChangeForm, {"certification_expiry": "2029-06-30"}, instance=make_supplier())

        assert form.is_valid()

    def test_emptied_says_that_no_date_is_known(self, make_supplier, filled_in):
        supplier = make_supplier(certification_expiry=date(2027, 6, 30))

        assert filled_in(SupplierChangeForm, {"certification_expiry": ""}, instance=supplier).is_valid()

        assert Supplier.objects.get().certification_expiry is None

    def test_changes_no_name_whatever_is_sent_in(self, make_supplier, filled_in):
        supplier = make_supplier(name="Hansa Forge")
        values = {"certification_expiry": "2029-06-30", "name": "Rhein Castings", "risk_score": "0"}

        assert filled_in(SupplierChangeForm, values, instance=supplier).is_valid()

        assert Supplier.objects.get().name == "Hansa Forge"


def test_a_taken_name_is_refused_with_the_way_to_the_one_that_has_it(users, make_supplier):
    existing = make_supplier(name="Weiss <Technik>")
    client = Client()
    client.force_login(users["procurement"])

    shown = client.post("/admin/suppliers/supplier/add/", {"name": "Weiß <technik>"}).content.decode()

    assert f'<a href="/admin/suppliers/supplier/{existing.pk}/change/">Open it</a>' in shown
    assert "&#x27;Weiss &lt;Technik&gt;&#x27;" in shown
    # A link within a link is none: browsers end the outer one, and show neither as it was meant.
    assert not re.search(r"<a [^>]*>(?:(?!</a>).)*<a ", shown, re.DOTALL)
