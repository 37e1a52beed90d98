"""
One truth about a supplier's risk: level, score and lines that are shown are of one stored assessment.

Where the worker is behind, pages and answers say so. Whether a supplier is at risk is known at once, everywhere.
"""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib import admin
from django.test import Client
from django.utils import timezone

from kpi.selectors import current_kpi
from ncs.services import close_nonconformity, contain_nonconformity, correct_nonconformity, open_action
from qhse import clock
from suppliers import behind
from suppliers.choices import RiskLevel
from suppliers.figures import figures_of
from suppliers.models import Supplier
from suppliers.reassessment import reassess_suppliers, reassess_unseen
from suppliers.risk import assess, level_of
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
    return Supplier.objects.get(pk=stale.pk)


@pytest.fixture
def as_it_is_now(supplier):
    """Return the level and score that the worker will conclude."""
    assessment = assess(figures_of([supplier], today=clock.today())[supplier.pk], today=clock.today())
    assert assessment.score != supplier.risk_score  # else the case shows nothing
    return assessment


@pytest.fixture
def page(users):
    client = Client()
    client.force_login(users["procurement"])
    return lambda path="": client.get(LIST + path).content.decode()


class TestWhileTheWorkerIsBehind:
    def test_the_answer_of_the_api_is_of_one_assessment_and_says_that_it_is_old(self, api, supplier, as_it_is_now):
        body = api("auditor").get(f"/suppliers/{supplier.pk}").json()

        assert (body["risk_score"], body["risk_level"]) == (supplier.risk_score, level_of(supplier.risk_score))
        assert body["risk_score"] == sum(reason["points"] for reason in body["risk_reasons"])
        assert body["risk_is_current"] is False
        assert body["is_at_risk"] == as_it_is_now.is_at_risk

    def test_the_answer_about_the_risk_says_the_same(self, api, supplier):
        client = api("auditor")
        one, risk = (client.get(f"/suppliers/{supplier.pk}{path}").json() for path in ("", "/risk"))

        assert (risk["score"], risk["level"], risk["is_at_risk"], risk["is_current"], risk["assessed_at"]) == (
            one["risk_score"],
            one["risk_level"],
            one["is_at_risk"],
            one["risk_is_current"],
            one["risk_assessed_at"],
        )
        assert [line["points"] for line in risk["lines"]] == [reason["points"] for reason in one["risk_reasons"]]

    def test_the_list_of_the_api_says_the_same(self, api, supplier):
        client = api("auditor")
        (row,) = client.get("/suppliers").json()["results"]
        one = client.get(f"/suppliers/{supplier.pk}").json()

        assert row == {name: one[name] for name in row}
        assert client.get("/suppliers?at_risk=true").json()["count"] == int(one["is_at_risk"])
        for level in RiskLevel:
            assert client.get(f"/suppliers?level={level}").json()["count"] == int(level == one["risk_level"])

    def test_a_write_answers_the_same_as_reading_does(self, api, supplier):
        client = api("procurement")
        expiry = supplier.certification_expiry.isoformat() if supplier.certification_expiry else None

        answer = client.patch(f"/suppliers/{supplier.pk}/certification", {"certification_expiry": expiry})

        assert answer.json() == client.get(f"/suppliers/{supplier.pk}").json()

    def test_the_page_agrees_with_itself_and_says_in_a_sentence_that_it_is_old(self, page, supplier):
        shown = page(f"{supplier.pk}/change/")
        fields = shown[: shown.index('id="risk"')]
        badges = re.findall(r'<span class="badge badge-\w+">([^<]+)</span>', fields)

        assert ("At risk" in badges) == supplier.is_at_risk
        assert set(badges) & {label for _, label in RiskLevel.choices} == {supplier.level.label}
        assert ("nothing speaks against this supplier" in shown) == (supplier.risk_score == 0)
        assert [int(total) for total in re.findall(r"of 100</th><td>(\d+)</td>", shown)] == (
            [supplier.risk_score] if supplier.risk_score else []
        )
        assert "is not included yet: the worker is behind." in shown

    def test_the_list_shows_and_filters_by_the_same_level(self, page, supplier):
        for level in RiskLevel:
            shown = page(f"?risk_level={level}")
            assert (f"/{supplier.pk}/change/" in shown) == (level == supplier.level), level
            if level == supplier.level:
                assert f'">{level.label}</span> <span class="quiet">{supplier.risk_score}</span>' in shown
                assert "not of now" in shown

    def test_the_key_figures_count_it_at_once(self, supplier):
        assert current_kpi().suppliers_at_risk == int(supplier.is_at_risk)


class TestWhenTheWorkerHasDoneItsWork:
    def test_everything_says_what_is_true_now(self, api, page, supplier, as_it_is_now, drain):
        drain()
        reassess_suppliers(supplier_ids=[supplier.pk])  # of what no event told: the day

        body = api("auditor").get(f"/suppliers/{supplier.pk}").json()
        assert (body["risk_score"], body["risk_level"]) == (as_it_is_now.score, as_it_is_now.level)
        assert body["risk_is_current"] is True
        shown = page(f"{supplier.pk}/change/")
        assert "the worker is behind" not in shown
        assert "not of now" not in shown + page()


@pytest.mark.django_db
class TestCurrency:
    def test_of_a_supplier_does_not_suffer_from_what_waits_for_another(self, make_supplier, make_nc, drain):
        one, other = make_supplier(), make_supplier()
        drain()
        make_nc(supplier_id=other.pk)

        assert [each.risk_is_current for each in Supplier.objects.order_by("pk")] == [True, False]
        assert one.pk < other.pk

    def test_of_both_suppliers_of_a_case_that_moves_is_lost(self, make_supplier, make_nc, users, drain):
        one, other = make_supplier(), make_supplier()
        nc = make_nc(supplier_id=one.pk, severity="low")
        drain()
        correct_nonconformity(nc_id=nc.pk, values={"supplier_id": other.pk}, reason="x", actor=users["quality"])

        assert [each.risk_is_current for each in Supplier.objects.all()] == [False, False]

    def test_is_lost_by_what_can_move_a_score_and_by_nothing_else(self, make_nc, users, drain):
        nc = make_nc()
        drain()
        contain_nonconformity(nc_id=nc.pk, containment="Lot blocked", actor=users["quality"])
        assert Supplier.objects.get().risk_is_current

        open_action(nc_id=nc.pk, kind="corrective", title="Tool change", actor=users["quality"])
        assert not Supplier.objects.get().risk_is_current

    def test_is_lost_overnight_until_the_worker_has_looked(self, make_supplier, drain):
        make_supplier()
        drain()
        Supplier.objects.update(risk_assessed_at=clock.present() - timedelta(days=1))
        assert not Supplier.objects.get().risk_is_current

        reassess_unseen()
        assert Supplier.objects.get().risk_is_current

    def test_of_everybody_is_doubted_while_very_much_waits(self, make_supplier, make_nc, drain, monkeypatch):
        monkeypatch.setattr(behind, "MOST_LOOKED_AT", 1)
        one, other = make_supplier(), make_supplier()
        drain()
        for _ in range(2):
            make_nc(supplier_id=other.pk)

        assert not Supplier.objects.get(pk=one.pk).risk_is_current


@pytest.mark.django_db
class TestOrder:
    def test_the_list_orders_by_the_score_it_shows(self, page, make_supplier, make_nc, drain):
        calm, worst, worse = make_supplier(), make_supplier(), make_supplier()
        make_nc(supplier_id=worst.pk, severity="high")
        make_nc(supplier_id=worse.pk, severity="medium")
        drain()

        column = admin.site.get_model_admin(Supplier).list_display.index("risk")
        order = re.findall(r"/supplier/(\d+)/change/", page(f"?o=-{column}"))

        assert [int(pk) for pk in dict.fromkeys(order)] == [worst.pk, worse.pk, calm.pk]
