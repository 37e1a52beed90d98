"""An empty list says what would stand in it and what to do, and never that nothing exists when a filter hides it."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.test import Client

from audit.models import AuditEntry
from qhse.adminsite.base import ServiceModelAdmin

pytestmark = pytest.mark.django_db


def pages():
    return [page for page in admin.site._registry.values() if isinstance(page, ServiceModelAdmin)]


@pytest.fixture
def shown(users, monkeypatch):
    def get(role, page, query=""):
        client = Client()
        client.force_login(users[role])
        return client.get(f"/admin/{page.opts.app_label}/{page.opts.model_name}/{query}").content.decode()

    return get


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.opts.model_name)
class TestEveryEmptyList:
    def test_says_what_would_stand_there(self, shown, page, monkeypatch):
        monkeypatch.setattr(type(page), "get_queryset", lambda self, request: self.model._default_manager.none())

        text = shown("admin", page)

        assert page.empty_list
        assert page.empty_list in text.replace("&#x27;", "'")

    def test_says_of_a_search_that_it_found_nothing_and_leads_back(self, shown, page):
        text = shown("admin", page, "?q=no-such-thing-anywhere")

        assert "match this search and these filters" in text
        assert "Back to the usual list" in text


def test_the_list_of_open_ncs_leads_to_the_closed_ones(shown, users):
    (page,) = [page for page in pages() if page.opts.model_name == "nonconformity"]

    text = shown("quality", page)

    assert "No non-conformity is open." in text
    assert "?status=all" in text
    assert "Add one" in text
    assert AuditEntry.objects.exists()
