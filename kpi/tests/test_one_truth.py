"""One truth about a supplier's risk: whatever the worker has or has not done, all that is shown is of one moment."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib import admin
from django.test import Client
from django.utils import timezone

from kpi.selectors import current_kpi
from ncs.services import close_nonconformity
from suppliers.choices import RiskLevel
from suppliers.models import Supplier
from suppliers.reassessment import reassess_suppliers
from suppliers.risk import LEVELS
from suppliers.services import update_certification

LIST = "/admin/suppliers/supplier/"


@pytest.fixture
def today():
    return timezone.now().date()


def opened(make_supplier, make_nc, users, drain, today):
    """A high NC that the worker has not seen."""
    supplier = make_supplier()
    drain()
    make_nc(supplier_id=supplier.pk, severity="high")
    return supplier


def closed(make_supplier, make_nc, users, drain, today):
    """The other way round: the worker knows the NC, and not that it is closed."""
    nc = make_nc(severity="high")
    drain()
    close_nonconformity(nc_id=nc.pk, actor=users["quality"], reason="Lot sorted")
    return nc.supplier


def expired(make_supplier, make_nc, users, drain, today):
    """A certification that ended overnight. Nothing happened, so there is no event."""
    supplier = make_supplier(certification_expiry=today + timedelta(days=100))
    drain()
    Supplier.objects.filter(pk=supplier.pk).update(certification_expiry=today - timedelta(days=1))
    return supplier


def renewed(make_supplier, make_nc, users, drain, today):
    supplier = make_supplier(certification_expiry=today - timedelta(days=1))
    drain()
    update_certification(
        supplier_id=supplier.pk, certification_expiry=today + timedelta(days=900), actor=users["procurement"]
    )
    return supplier


def several_medium(make_supplier, make_nc, users, drain, today):
    """A level that moves without any change of `is_at_risk`."""
    supplier = make_supplier()
    drain()
    for _ in range(5):
        make_nc(supplier_id=supplier.pk, severity="medium")
    return supplier


@pytest.fixture(params=[opened, closed, expired, renewed, several_medium], ids=lambda case: case.__name__)
def supplier(request, make_supplier, make_nc, users, drain, today):
    """Return a supplier of which the worker knows an older state."""
    stale = request.param(make_supplier, make_nc, users, drain, today)
    stale.refresh_from_db()
    assert stale.risk_level != stale.risk.level  # else the case shows nothing
    return stale


@pytest.fixture
def page(users):
    client = Client()
    client.force_login(users["procurement"])
    return lambda path="": client.get(LIST + path).content.decode()


def level_of(score):
    return next(level for least, level in LEVELS if score >= least)


class TestOneTruth:
    def test_the_answer_of_the_api_agrees_with_itself(self, api, supplier):
        body = api("auditor").get(f"/suppliers/{supplier.pk}").json()

        assert body["risk_level"] == level_of(body["risk_score"])
        assert body["risk_score"] == sum(reason["points"] for reason in body["risk_reasons"])
        assert body["is_at_risk"] == (body["risk_score"] >= 50)

    def test_the_list_of_the_api_says_the_same(self, api, supplier):
        client = api("auditor")
        (row,) = client.get("/suppliers").json()["results"]
        one = client.get(f"/suppliers/{supplier.pk}").json()

        assert row == {name: one[name] for name in row}
        assert client.get("/suppliers?at_risk=true").json()["count"] == int(one["is_at_risk"])

    def test_a_write_answers_the_same_as_reading_does(self, api, supplier):
        client = api("procurement")
        expiry = supplier.certification_expiry.isoformat() if supplier.certification_expiry else None

        answer = client.patch(f"/suppliers/{supplier.pk}/certification", {"certification_expiry": expiry})

        assert answer.json() == client.get(f"/suppliers/{supplier.pk}").json()

    def test_the_page_agrees_with_itself(self, page, supplier):
        shown = page(f"{supplier.pk}/change/")
        badges = re.findall(r'<span class="badge badge-\w+">([^<]+)</span>', shown)

        assert ("At risk" in badges) == supplier.risk.is_at_risk
        assert set(badges) & {label for _, label in RiskLevel.choices} == {supplier.risk.level.label}
        assert ("nothing speaks against this supplier" in shown) == (supplier.risk.score == 0)
        assert [int(total) for total in re.findall(r"of 100</th><td>(\d+)</td>", shown)] == (
            [supplier.risk.score] if supplier.risk.score else []
        )
        assert "Not yet: a new level is noted there moments after" in shown

    def test_the_list_shows_and_filters_by_the_same_level(self, page, supplier):
        for level in RiskLevel:
            shown = page(f"?risk_level={level}")
            assert (f"/{supplier.pk}/change/" in shown) == (level == supplier.risk.level), level
            if level == supplier.risk.level:
                assert f'">{level.label}</span> <span class="quiet">{supplier.risk.score}</span>' in shown

    def test_the_key_figures_count_it_as_its_page_does(self, supplier):
        assert current_kpi().suppliers_at_risk == int(supplier.risk.is_at_risk)

    def test_the_worker_then_notes_what_was_shown_before(self, supplier):
        shown = supplier.risk

        reassess_suppliers(supplier_ids=[supplier.pk])
        supplier.refresh_from_db()

        assert (supplier.risk_level, supplier.risk_score) == (shown.level, shown.score)


@pytest.mark.django_db
class TestOrder:
    def test_the_list_orders_by_the_score_it_shows(self, page, make_supplier, make_nc):
        calm, worst, worse = make_supplier(), make_supplier(), make_supplier()
        make_nc(supplier_id=worst.pk, severity="high")
        make_nc(supplier_id=worse.pk, severity="medium")

        column = admin.site.get_model_admin(Supplier).list_display.index("level")
        order = re.findall(r"/supplier/(\d+)/change/", page(f"?o=-{column}"))

        assert [int(pk) for pk in dict.fromkeys(order)] == [worst.pk, worse.pk, calm.pk]
