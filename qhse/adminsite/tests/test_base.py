"""What all admin pages share."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.test import RequestFactory

from qhse.accounts.models import User
from qhse.accounts.roles import Role
from qhse.adminsite.base import ReadOnlyAdmin, ServiceModelAdmin


@pytest.fixture
def request_of():
    """Return a request of a user of this role."""

    def make(role: str):
        request = RequestFactory().get("/admin/accounts/user/")
        request.user = User(role=role, is_staff=True)
        return request

    return make


class GaugeAdmin(ServiceModelAdmin):
    roles = {"list": frozenset({Role.QUALITY, Role.AUDITOR}), "change": frozenset({Role.QUALITY})}
    change_action = "change"
    list_filter = ("role", ("is_active", admin.BooleanFieldListFilter))
    url_filters = ("username",)


class TestRights:
    def test_come_from_the_table(self, request_of):
        page = GaugeAdmin(User, admin.site)

        assert page.has_view_permission(request_of("auditor"))
        assert not page.has_view_permission(request_of("procurement"))
        assert not page.has_view_permission(request_of("auditor"), obj=User())  # `retrieve` is not in the table

    @pytest.mark.parametrize("role", Role)
    def test_to_write_need_a_form_as_well(self, request_of, role):
        page = GaugeAdmin(User, admin.site)

        assert not page.has_add_permission(request_of(role))
        assert not page.has_change_permission(request_of(role))
        assert not page.has_delete_permission(request_of(role))

    def test_of_a_page_without_a_table_are_nobodys(self, request_of):
        assert not ServiceModelAdmin(User, admin.site).has_module_permission(request_of("admin"))

    def test_of_a_read_only_page_need_the_list_alone(self, request_of):
        class Page(ReadOnlyAdmin):
            roles = GaugeAdmin.roles

        assert Page(User, admin.site).has_view_permission(request_of("auditor"), obj=User())


class TestAddressesOfLists:
    @pytest.mark.parametrize("lookup", ["role", "role__exact", "is_active__in", "username", "username__gte"])
    def test_filter_by_what_the_page_names(self, lookup):
        assert GaugeAdmin(User, admin.site).lookup_allowed(lookup, "x")

    @pytest.mark.parametrize("lookup", ["password", "password__startswith", "role__regex", "role__id__exact", "email"])
    def test_filter_by_nothing_else(self, lookup):
        assert not GaugeAdmin(User, admin.site).lookup_allowed(lookup, "x")
