"""The admin site as a whole: its sections, its login, its addresses."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.test import Client

from qhse.adminsite.site import QhseAdminSite


def test_it_is_the_site_that_djangos_own_parts_use():
    assert isinstance(admin.site, QhseAdminSite)


def test_the_login_stands_with_and_without_a_slash(db, client):
    assert client.get("/admin/login").status_code == client.get("/admin/login/").status_code == 200


class TestTheCatchAll:
    @pytest.mark.parametrize("path", ["/admin/suppliers/supplier", "/admin/suppliers/supplier?q=Hansa"])
    def test_leads_to_the_page_with_its_slash(self, users, path):
        browser = Client()
        browser.force_login(users["admin"])
        page, _, query = path.partition("?")

        assert browser.get(path)["Location"] == f"{page}/" + (f"?{query}" if query else "")

    @pytest.mark.parametrize("path", ["/admin/nope", "/admin/nope/", "/admin/accounts/group"])
    def test_leads_nowhere_where_no_page_is(self, users, path):
        browser = Client()
        browser.force_login(users["admin"])

        assert browser.get(path).status_code == 404
