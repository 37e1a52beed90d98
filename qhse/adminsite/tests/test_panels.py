"""Panels are registered by their apps and shown on pages of others, which do not know them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from django.conf import settings
from django.test import RequestFactory

from ncs.models import NonConformity
from qhse.adminsite import panels
from qhse.adminsite.panels import front_panels, record_panels, show_on_front_page, show_on_records
from suppliers.models import Supplier

APPS = ("qhse", "suppliers", "ncs", "audit", "outbox", "kpi")


@pytest.fixture
def request_of_somebody(monkeypatch):
    """A request, while no panels are registered but those of the test."""
    monkeypatch.setattr(panels, "_front", [])
    monkeypatch.setattr(panels, "_records", {})
    return RequestFactory().get("/admin/")


class TestTheFrontPage:
    def test_shows_them_in_the_order_that_they_ask_for(self, request_of_somebody):
        for title, order in (("late", 20), ("early", 0), ("late, and registered later", 20)):
            show_on_front_page(lambda request, title=title: {"title": title}, order=order)

        shown = [panel["title"] for panel in front_panels(request_of_somebody)]

        assert shown == ["early", "late", "late, and registered later"]

    def test_leaves_out_what_this_user_may_not_see(self, request_of_somebody):
        show_on_front_page(lambda request: None, order=0)

        assert front_panels(request_of_somebody) == []


class TestARecord:
    def test_shows_those_of_its_model_alone(self, request_of_somebody):
        show_on_records(Supplier, lambda request, supplier: {"title": f"NCs of {supplier.name}"})
        show_on_records(Supplier, lambda request, supplier: None)

        hansa = Supplier(name="Hansa Forge GmbH")

        assert record_panels(request_of_somebody, hansa) == [{"title": "NCs of Hansa Forge GmbH"}]
        assert record_panels(request_of_somebody, NonConformity()) == []


def test_no_page_reaches_into_another_while_it_is_imported():
    files = [path for app in APPS for path in (Path(settings.BASE_DIR) / app).rglob("*.py") if "admin" in str(path)]
    at_import = {
        (path.name, ast.unparse(node.value))
        for path in files
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Expr) and "admin.site." in ast.unparse(node.value)
    }

    assert len(files) > 20
    assert at_import == {("admin.py", "admin.site.unregister(Group)")}  # Django's, whose rights this product has not
