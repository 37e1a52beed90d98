"""What the database refuses, or cannot do now, on the admin's pages: a page that says so, and no defect."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DataError, IntegrityError, OperationalError, connection

from ncs.models import NonConformity
from qhse.adminsite.tests.conftest import Browser, Records
from suppliers.models import Supplier

pytestmark = pytest.mark.django_db

ADD = "/admin/suppliers/supplier/add/"
ERRORS = {OperationalError: 503, DataError: 400, IntegrityError: 409}


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that lets every service fail where it publishes its event."""

    def arrange(error: Exception, after: int = 0) -> None:
        calls: list[Any] = []

        def publish(event: Any, **kwargs: Any) -> None:
            calls.append(event)
            if len(calls) > after:
                raise error

        monkeypatch.setattr("suppliers.services.suppliers.publish", publish)
        monkeypatch.setattr("ncs.services.cases.publish", publish)
        monkeypatch.setattr("ncs.services.closing.publish", publish)

    return arrange


@pytest.mark.parametrize(("error", "status"), ERRORS.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_a_write_that_fails_is_a_page_and_leaves_nothing(
    browser: Browser, broken: Any, error: type[Exception], status: int
) -> None:
    broken(error("made up"))

    response = browser("procurement", raise_request_exception=False).post(ADD, {"name": "Hansa Forge GmbH"})

    assert (response.status_code, response["Content-Type"]) == (status, "text/html; charset=utf-8")
    assert ("Retry-After" in response) == (status == 503)
    assert "made up" not in response.content.decode()
    assert not Supplier.objects.exists()


def test_an_error_of_a_middleware_is_no_defect_either(
    browser: Browser, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = browser("quality", raise_request_exception=False)
    settings.SESSION_SAVE_EVERY_REQUEST = True

    def save(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("away")

    monkeypatch.setattr("qhse.adminsite.sessions.SessionStore.save", save)
    response = client.get("/admin/")

    assert (response.status_code, response["Retry-After"]) == (503, "2")
    assert response["Content-Type"] == "text/html; charset=utf-8"


def test_a_bulk_action_is_done_whole_or_not_at_all(browser: Browser, make_nc: Any, broken: Any) -> None:
    ncs = [make_nc() for _ in range(3)]
    broken(OperationalError("away"), after=1)
    form = {
        "action": "close_selected", "_selected_action": [nc.pk for nc in ncs], "confirmed": 1, "reason": "Sorted",
    }  # fmt: skip

    response = browser("quality", raise_request_exception=False).post("/admin/ncs/nonconformity/", form)

    assert (response.status_code, response["Retry-After"]) == (503, "2")
    assert NonConformity.objects.filter(status="CLOSED").count() == 0


@pytest.mark.parametrize("name", ["\ufdfa" * 45, "Hansa\u034f"])
def test_a_name_that_cannot_be_stored_stands_beside_its_field(browser: Browser, name: str) -> None:
    response = browser("procurement").post(ADD, {"name": name})

    assert list(response.context["adminform"].form.errors) == ["name"]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_record_that_somebody_holds_is_a_page_to_try_again(browser: Browser, records: Records) -> None:
    from django.db import transaction

    from qhse.tests.waiting import at_once

    client = browser("procurement")
    page = f"/admin/suppliers/supplier/{records.supplier.pk}/change/"

    def change(number: int) -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '100ms'")
        return client.post(page, {"certification_expiry": "2031-01-31"})

    with transaction.atomic():
        Supplier.objects.select_for_update().get(pk=records.supplier.pk)
        (response,) = at_once(1, change)

    assert (response.status_code, response["Retry-After"]) == (503, "2")
    assert "Nothing has been changed" in response.content.decode()
