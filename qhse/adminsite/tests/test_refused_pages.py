"""Pages that refuse: what they say, and whose menu they keep."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError
from django.test import RequestFactory
from django.utils.functional import SimpleLazyObject

from qhse.accounts.models import User
from qhse.adminsite.tests.conftest import Browser, Records, text_of
from qhse.api.problems.handlers import database_answer


class TestARefusedPage:
    """Its text and its menu. How it looks is seen by `make browser`."""

    def test_keeps_the_menu_of_whom_it_knows(self, browser: Browser, records: Records) -> None:
        refused = browser("quality").get("/admin/accounts/user/")
        missing = browser("quality").get("/admin/no-such-page/")

        for response, status in ((refused, 403), (missing, 404)):
            assert response.status_code == status
            assert 'aria-label="Sections"' in text_of(response)
            assert "/admin/suppliers/supplier/" in text_of(response)
            assert "/admin/accounts/user/" not in text_of(response)

    def test_of_a_form_without_its_token_keeps_it_too(self, browser: Browser) -> None:
        response = browser("procurement", enforce_csrf_checks=True).post("/admin/suppliers/supplier/add/", {})

        assert response.status_code == 403
        assert "The form has expired" in text_of(response)
        assert 'aria-label="Sections"' in text_of(response)

    def test_asks_the_database_for_nothing_after_it_has_failed(
        self, browser: Browser, django_assert_num_queries: Any
    ) -> None:
        request = RequestFactory().get("/admin/suppliers/supplier/")
        request.user = SimpleLazyObject(lambda: User.objects.get(username="quality"))

        with django_assert_num_queries(0):
            answer = database_answer(request, OperationalError("away"))

        assert answer is not None and answer.status_code == 503
        assert "The database could not do it now" in text_of(answer)
        assert 'aria-label="Sections"' not in text_of(answer)

    def test_is_shown_without_its_menu_when_the_menu_breaks(
        self, browser: Browser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        client = browser("quality")

        def each_context(*args: Any) -> Any:
            raise OperationalError("away")

        monkeypatch.setattr("django.contrib.admin.AdminSite.each_context", each_context)

        response = client.get("/admin/no-such-page/")

        assert response.status_code == 404
        assert "There is no such page" in text_of(response)
        assert 'aria-label="Sections"' not in text_of(response)
