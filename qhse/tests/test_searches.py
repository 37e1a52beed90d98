"""Searches find what people type, in the alphabets of those who use it, on both databases."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from audit.services import record
from ncs.models import NonConformity
from qhse.accounts.models import User
from qhse.accounts.services.users import create_user
from qhse.searches import BaseLetters
from qhse.text import base_letters
from suppliers.models import Supplier

pytestmark = pytest.mark.django_db

# What is stored, and what people type.
TYPED = {
    "Größe": ["größe", "GRÖSSE", "GRÖẞE", "grosse", unicodedata.normalize("NFD", "Größe")],
    "Élysée": ["élysée", "ÉLYSÉE", "ELYSEE", unicodedata.normalize("NFD", "élysée")],
    "Łódź": ["łódź", "ŁÓDŹ", "lodz", "LODZ"],
    "Žďár": ["žďár", "ŽĎÁR", "zdar"],
    "İstanbul": ["istanbul", "İSTANBUL", "ISTANBUL", "ıstanbul"],
    "Isparta": ["ısparta", "ISPARTA", "isparta"],
    "Οδυσσεύς": ["οδυσσεύς", "ΟΔΥΣΣΕΎΣ", "ΟΔΥΣΣΕΥΣ", "οδυσσευσ"],
    "Завод": ["завод", "ЗАВОД"],
    "Ёлка": ["ёлка", "ЁЛКА", "елка"],
    "Ødegård": ["ødegård", "ØDEGÅRD", "odegard"],
    "Þór": ["þór", "ÞÓR", "thor"],
    "ｆｕｌｌ": ["full", "FULL"],
}
PAIRS = [(stored, typed) for stored, forms in TYPED.items() for typed in (stored, *forms)]
OTHERS = ("Hansa Forge", "Rhein Guss")


@pytest.fixture
def browse(users):
    browser = Client()
    browser.force_login(users["admin"])

    def search(page: str, term: str) -> list[Any]:
        answer = browser.get(f"/admin/{page}/", {"q": term})
        assert answer.status_code == 200
        return list(answer.context_data["cl"].queryset)

    return search


@pytest.mark.parametrize(("stored", "typed"), PAIRS)
class TestWhatPeopleType:
    def test_finds_a_supplier(self, api, browse, make_supplier, stored, typed):
        found = make_supplier(name=f"Anton {stored} AG")
        for name in OTHERS:
            make_supplier(name=name)

        assert browse("suppliers/supplier", typed) == [found]
        answer = api("quality").get("/suppliers", {"search": typed}).json()
        assert [each["id"] for each in answer["results"]] == [found.pk]

    def test_finds_a_non_conformity_by_a_word_of_it(self, api, browse, make_nc, stored, typed):
        found = make_nc(description=f"Lot 4711: {stored}\nand 50% more")
        make_nc()

        assert browse("ncs/nonconformity", typed) == [found]
        answer = api("quality").get("/ncs", {"search": typed}).json()
        assert [each["id"] for each in answer["results"]] == [found.pk]

    def test_finds_a_user_and_what_they_said(self, browse, users, stored, typed):
        found = create_user(username="weber", password=None, role="quality", actor=None, last_name=stored)
        with transaction.atomic():
            entry = record(
                actor=found, action="NOTED", entity_type="thing", entity_id=1, changes={}, reason=f"because of {stored}"
            )

        assert browse("accounts/user", typed) == [found]
        assert entry in browse("audit/auditentry", typed)

    def test_is_the_same_in_both_databases(self, make_supplier, stored, typed):
        supplier = make_supplier(name=f"Anton {stored} AG")
        Supplier.objects.filter(pk=supplier.pk).update(name=typed)

        assert Supplier.objects.annotate(folded=BaseLetters("name")).get().folded == base_letters(stored)


class TestASearch:
    def test_of_several_words_wants_each_of_them_somewhere(self, api, make_supplier, make_nc):
        nc = make_nc(supplier_id=make_supplier(name="Käfer Guß").pk, description="Bohrung zu groß")
        make_nc(description="Bohrung zu klein")
        client = api("quality")

        found = {
            term: [each["id"] for each in client.get("/ncs", {"search": term}).json()["results"]]
            for term in ("BOHRUNG kafer", "guss gross", "bohrung hansa zu groß", "bohrung messing")
        }

        assert list(found.values()) == [[nc.pk], [nc.pk], [], []]

    @pytest.mark.parametrize(
        ("term", "finds"), [("%", 1), ("50%", 1), ("_", 0), ("\\", 0), ("", 2), (" ", 2), ("'", 0), ("\u0301", 0)]
    )
    def test_takes_signs_as_they_are(self, api, make_nc, term, finds):
        make_nc(description="50% more")
        make_nc(description="nothing")

        assert api("quality").get("/ncs", {"search": term}).json()["count"] == finds

    def test_meets_descriptions_whoever_writes_them(self, make_nc):
        nc = make_nc()
        nc.description = "GRÖẞE"
        nc.save()

        assert NonConformity.objects.get(search_key="grosse") == nc

    def test_of_users_meets_their_names_too(self, browse):
        user = create_user(username="jörg.müller", password=None, role="quality", actor=None)

        for term in ("JÖRG", "jorg", "Mu\u0308ller"):
            assert browse("accounts/user", term) == [user]
        assert User.objects.count() > 1


# The same name as it is copied from mails, tables and letters.
COPIED = [
    "„Rhein Guss AB“", "“Rhein Guss AB”", '"Rhein Guss AB"', "»Rhein Guss AB«", "Rhein Guss AB.", "(Rhein Guss AB),",
    "Rhein\u00a0Guss\u00a0AB", "Rhe\u00adin Guss", "Rhein\u200b Guss", "RHEIN GUSS AB;", "'Rhein' \"Guss\"",
]  # fmt: skip


@pytest.mark.parametrize("term", COPIED)
def test_a_name_that_was_copied_with_its_surroundings_is_found_everywhere(api, browse, make_supplier, make_nc, term):
    supplier = make_supplier(name="Rhein Guss AB")
    nc = make_nc(supplier_id=supplier.pk)
    make_nc(supplier_id=make_supplier(name="Hansa Forge").pk)
    client = api("quality")

    assert browse("suppliers/supplier", term) == [supplier]
    assert browse("ncs/nonconformity", term) == [nc]
    assert {entry.entity_type for entry in browse("audit/auditentry", term)} == {"supplier", "nonconformity"}
    assert [each["id"] for each in client.get("/suppliers", {"search": term}).json()["results"]] == [supplier.pk]
    assert [each["id"] for each in client.get("/ncs", {"search": term}).json()["results"]] == [nc.pk]


@pytest.mark.parametrize("form", ["{number}", "nc-{id}", "#{id}", "NC {id}", "„{number}“", "{number},"])
def test_an_nc_is_found_by_its_number_by_programs_too(api, make_nc, form):
    nc = make_nc()
    make_nc(description="Lot 12 and more")

    page = api("quality").get("/ncs", {"search": form.format(number=nc.number, id=nc.pk)}).json()

    assert [each["id"] for each in page["results"]] == [nc.pk]


def test_signs_alone_are_sought_as_they_are(api, make_nc):
    nc = make_nc(description="deviation (see sketch)")
    make_nc(description="deviation")

    assert [each["id"] for each in api("quality").get("/ncs?search=(").json()["results"]] == [nc.pk]
