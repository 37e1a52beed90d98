"""The search boxes of all lists take what people copy: numbers, names and words, with dashes and spaces of any kind."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.test import Client

from audit.models import AuditEntry
from ncs.models import NonConformity
from outbox.models import OutboxEvent
from qhse.accounts.services.users import create_user
from qhse.adminsite import pagination
from suppliers.models import Supplier

pytestmark = pytest.mark.django_db

TRAIL, EVENTS, NCS, SUPPLIERS = "audit/auditentry", "outbox/outboxevent", "ncs/nonconformity", "suppliers/supplier"


@pytest.fixture
def found(users):
    client = Client()
    client.force_login(users["admin"])

    def search(page: str, term: str) -> set[Any]:
        answer = client.get(f"/admin/{page}/", {"q": term})
        assert answer.status_code == 200
        return set(answer.context_data["cl"].queryset)

    return search


@pytest.fixture
def nc(make_supplier, make_nc, drain):
    """An NC of one supplier, among those of others."""
    make_nc()
    nc = make_nc(supplier_id=make_supplier(name="Käfer\u2011Guß GmbH").pk, severity="high", description="Bent pins")
    make_nc()
    drain()
    return nc


def forms_of(nc: NonConformity) -> list[str]:
    plain = [nc.number, f"nc-{nc.pk}", f"#{nc.pk}", f"NC {nc.pk}", f"NC-{nc.pk:05d}", f"({nc.number})", f"{nc.number},"]
    return plain + [nc.number.replace("-", dash) for dash in ("\u2011", "\u2013", "\u2212", " ", "\u00a0")]


class TestANumberOfAnNC:
    def test_finds_it_in_its_list(self, nc, found):
        for term in (*forms_of(nc), f"{nc.created_at:%Y}-{nc.pk:05d}"):
            assert found(NCS, term) == {nc}, term

    def test_finds_what_happened_to_it_in_the_trail(self, nc, found):
        entries = set(AuditEntry.objects.about("nonconformity", nc.pk))

        for term in forms_of(nc):
            assert found(TRAIL, term) >= entries, term
            assert {entry.entity_id for entry in found(TRAIL, term) if entry.entity_type == "nonconformity"} == {
                str(nc.pk)
            }, term

    def test_finds_its_events(self, nc, found):
        events = set(OutboxEvent.objects.filter(aggregate_type="nonconformity", aggregate_id=str(nc.pk)))

        for term in forms_of(nc):
            assert found(EVENTS, term) >= events, term


class TestTheNameOfASupplier:
    @pytest.mark.parametrize(
        "term", ["käfer", "KÄFER", "Ka\u0308fer", "guß", "GUSS", "käfer-guß", "Käfer\u2013Guß", "kafer"]
    )
    def test_finds_it_its_ncs_its_history_and_its_events(self, nc, found, term):
        about = {("supplier", str(nc.supplier_id)), ("nonconformity", str(nc.pk))}

        assert found(SUPPLIERS, term) == {nc.supplier}
        assert found(NCS, term) == {nc}
        assert {(entry.entity_type, entry.entity_id) for entry in found(TRAIL, term)} == about
        assert {(event.aggregate_type, event.aggregate_id) for event in found(EVENTS, term)} == about

    def test_is_not_needed_by_who_has_the_number(self, nc, found):
        for term in (str(nc.supplier_id), f"#{nc.supplier_id}", f"Supplier {nc.supplier_id}"):
            assert nc.supplier in found(SUPPLIERS, term), term


class TestTheNameOfAUser:
    def test_finds_what_they_did_and_what_was_done_to_them(self, users, make_supplier, found):
        miller = create_user(username="jörg.miller", password=None, role="procurement", actor=users["admin"])
        make_supplier(actor=miller)

        entries = found(TRAIL, "JÖRG.miller".lower())

        assert {(entry.actor, entry.entity_type) for entry in entries} == {
            ("jörg.miller", "supplier"), ("admin", "user"),
        }  # fmt: skip


class TestWords:
    def test_find_what_happened(self, nc, found):
        assert {entry.action for entry in found(TRAIL, "non-conformity recorded")} == {"NC_CREATED"}
        assert {entry.action for entry in found(TRAIL, "risk level")} == {"SUPPLIER_RISK_CHANGED"}
        assert {event.event_type for event in found(EVENTS, "Supplier recorded")} == {"SUPPLIER_CREATED"}


class TestEveryList:
    @pytest.mark.parametrize(
        "term", ["\0", "\u200b", "'", '"', "%", "_", "\\", "٤٢", "#", "NC", "-" * 3000, "nc " * 900, "#" + "9" * 30]
    )
    def test_takes_any_term(self, nc, found, term):
        for page in admin.site._registry.values():
            found(f"{page.opts.app_label}/{page.opts.model_name}", term)

    def test_says_in_its_box_what_may_be_typed(self):
        for page in admin.site._registry.values():
            assert not page.search_fields or page.search_help_text

    def test_an_empty_search_shows_everything(self, nc, found):
        assert found(SUPPLIERS, " ") == set(Supplier.objects.all())
        assert found(TRAIL, "") == set(AuditEntry.objects.all())


def test_what_is_found_is_counted_up_to_a_bound_and_then_said_to_be_more(users, make_nc, monkeypatch):
    monkeypatch.setattr(pagination, "MOST_COUNTED", 2)
    client = Client()
    client.force_login(users["admin"])
    for _ in range(2):
        make_nc(description="Bent pins")

    exact = client.get("/admin/ncs/nonconformity/?q=bent").content.decode()
    make_nc(description="Bent pins")
    more = client.get("/admin/ncs/nonconformity/?q=bent").content.decode()

    assert "2 found" in exact
    assert "More than" not in exact
    assert more.count("More than 2 ") == 2
    assert client.get("/admin/ncs/nonconformity/").context_data["cl"].result_count == 3
