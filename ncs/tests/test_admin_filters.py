"""The list shows the open ones first, and the supplier that the address names."""

from __future__ import annotations

import pytest
from django.test import Client

from ncs.services import close_nonconformity

pytestmark = pytest.mark.django_db


@pytest.fixture
def changelist(users):
    """Return the list that quality sees under a query."""
    client = Client()
    client.force_login(users["quality"])

    def open_list(query):
        return client.get("/admin/ncs/nonconformity/", query, follow=True).context["cl"]

    return open_list


@pytest.fixture
def listed(changelist):
    """Return the ids of the NCs that the list shows under a query."""
    return lambda query: {nc.pk for nc in changelist(query).queryset}


@pytest.fixture
def closed(users, make_nc):
    return close_nonconformity(nc_id=make_nc(description="Delivery 4812: labels missing").pk, actor=users["quality"])


class TestStatusFilter:
    def test_unasked_shows_what_is_open_and_marks_that_choice(self, changelist, make_nc, closed):
        nc = make_nc()

        page = changelist({})

        assert list(page.queryset) == [nc]
        (status,) = (spec for spec in page.filter_specs if spec.title == "status")
        assert [each["display"] for each in status.choices(page) if each["selected"]] == ["Open"]

    def test_shows_the_closed_ones_or_all_when_asked(self, listed, make_nc, closed):
        nc = make_nc()

        assert listed({"status": "CLOSED"}) == {closed.pk}
        assert listed({"status": "all"}) == {nc.pk, closed.pk}

    def test_lets_a_search_look_everywhere(self, listed, closed):
        assert listed({"q": "labels"}) == {closed.pk}

    def test_still_narrows_a_search_when_asked(self, listed, closed):
        assert listed({"q": "labels", "status": "OPEN"}) == set()

    @pytest.mark.parametrize("choice", ["open", "DONE", "OPEN,CLOSED"])
    def test_takes_a_choice_that_it_does_not_offer_for_none(self, listed, make_nc, closed, choice):
        make_nc()

        assert listed({"status": choice}) == listed({})


class TestOneSupplierFilter:
    def test_shows_the_ncs_of_the_supplier_in_the_address(self, listed, make_supplier, make_nc):
        supplier = make_supplier()
        nc = make_nc(supplier_id=supplier.pk)
        make_nc()

        assert listed({"supplier": supplier.pk}) == {nc.pk}

    def test_names_that_supplier(self, changelist, make_supplier):
        supplier = make_supplier(name="Hansa Forge GmbH")

        page = changelist({"supplier": supplier.pk})

        assert "Hansa Forge GmbH" in [
            each["display"] for spec in page.filter_specs for each in spec.choices(page) if each.get("selected")
        ]

    def test_is_not_shown_when_the_address_names_none(self, changelist, make_nc):
        make_nc()

        assert "supplier" not in [spec.title for spec in changelist({}).filter_specs]

    @pytest.mark.parametrize("value", ["4711", "Hansa", "1 OR 1=1"])
    def test_takes_what_is_no_supplier_for_no_filter(self, listed, make_nc, value):
        nc = make_nc()

        assert listed({"supplier": value}) == {nc.pk}
