"""What the admin refuses leaves nothing behind, and tells the person why, beside the field."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from ncs.services import close_nonconformity
from outbox.models import OutboxEvent
from qhse.adminsite.tests.conftest import Browser, Records, text_of

WRITERS = {
    "/admin/ncs/nonconformity/add/": {"quality", "admin"},
    "/admin/ncs/nonconformity/{open_nc}/change/": {"quality", "admin"},
    "/admin/ncs/nonconformity/": {"quality", "admin"},
    "/admin/suppliers/supplier/add/": {"procurement", "admin"},
    "/admin/suppliers/supplier/{supplier}/change/": {"procurement", "admin"},
    "/admin/suppliers/certificate/add/": {"procurement", "admin"},
    "/admin/suppliers/certificate/{certificate}/change/": {"quality", "admin"},
    "/admin/suppliers/suppliervolume/add/": {"procurement", "admin"},
    "/admin/suppliers/suppliervolume/{volume}/change/": {"procurement", "admin"},
    "/admin/exchange/importjob/{job}/change/?step=start": {"procurement", "admin"},
    "/admin/exchange/importjob/{job}/change/?step=cancel": {"procurement", "admin"},
    "/admin/outbox/outboxevent/add/": set(),
    "/admin/outbox/outboxevent/{dead_event}/change/": {"admin"},
    "/admin/outbox/outboxevent/": {"admin"},
    "/admin/webhooks/webhookendpoint/add/": {"admin"},
    "/admin/webhooks/webhookendpoint/{webhook}/change/": {"admin"},
    "/admin/webhooks/webhookendpoint/{webhook}/change/?step=rotate": {"admin"},
    "/admin/webhooks/webhookdelivery/{delivery}/change/": {"admin"},
    "/admin/webhooks/webhookdelivery/": {"admin"},
    "/admin/outbox/outgoing/{message}/change/": {"admin"},
    "/admin/outbox/outgoing/": {"admin"},
    "/admin/audit/auditentry/add/": set(),
    "/admin/audit/auditentry/{entry}/change/": set(),
    "/admin/accounts/user/add/": {"admin"},
    "/admin/accounts/user/{user}/change/": {"admin"},
}
ROLES = ("quality", "procurement", "auditor", "admin")


def everything(records: Records) -> dict[str, Any]:
    """Return a form that would satisfy every page at once."""
    return {
        "supplier": records.supplier.pk, "severity": "low", "description": "Delivery 1: wet",
        "name": "Forged Supplier", "certification_expiry": "2031-01-01", "reason": "Because",
        "standard": "iso_9001", "number": "7", "issuer": "Forged", "valid_from": "2026-07-01", "valid_to": "2029-06-30",
        "method": "register",
        "month": "2026-10", "received_qty": "5", "defective_qty": "1", "received_lots": "1", "rejected_lots": "0",
        "late_lots": "0", "go": "1", "url": "https://erp.example.com/", "event_types": ["*"],
        "username": "forged", "role": "admin", "is_staff": "on", "is_active": "on", "password": "brass-fitting-42x",
        "action": "close_selected", "_selected_action": [records.open_nc.pk], "confirmed": "1",
    }  # fmt: skip


def address(page: str, records: Records) -> str:
    return page.format(
        open_nc=records.open_nc.pk,
        supplier=records.supplier.pk,
        certificate=records.certificate.pk,
        volume=records.volume.pk,
        job=records.job.pk,
        dead_event=records.dead_event.pk,
        entry=records.entry.pk,
        user=records.user.pk,
        webhook=records.webhook.pk,
        delivery=records.delivery.pk,
        message=records.message.pk,
    )


class TestWithoutTheRight:
    @pytest.mark.parametrize(
        ("page", "role"), [(page, r) for page, who in WRITERS.items() for r in ROLES if r not in who]
    )
    def test_a_post_changes_nothing(
        self, page: str, role: str, browser: Browser, records: Records, traces: Any
    ) -> None:
        before = traces()
        states = list(OutboxEvent.objects.values_list("status", flat=True))

        response = browser(role).post(address(page, records), everything(records))

        # A list answers a post without a right to its actions like a get.
        assert response.status_code == 403 or (page.endswith("/") and response.status_code in {200, 302})
        assert traces() == before
        assert list(OutboxEvent.objects.values_list("status", flat=True)) == states

    def test_the_list_of_a_reader_offers_no_actions_and_no_checkboxes(self, browser: Browser, records: Records) -> None:
        for role in ("auditor", "procurement"):
            shown = text_of(browser(role).get("/admin/ncs/nonconformity/"))

            assert "close_selected" not in shown
            assert "_selected_action" not in shown

    def test_the_page_of_a_reader_has_no_button_and_no_input(self, browser: Browser, records: Records) -> None:
        for page in (f"ncs/nonconformity/{records.open_nc.pk}", f"suppliers/supplier/{records.supplier.pk}"):
            shown = text_of(browser("auditor").get(f"/admin/{page}/change/"))

            assert 'name="_save"' not in shown
            assert "<textarea" not in shown

    def test_a_forged_save_as_new_creates_nothing(self, browser: Browser, records: Records, traces: Any) -> None:
        before = traces()

        response = browser("auditor").post(
            f"/admin/suppliers/supplier/{records.supplier.pk}/change/", {"_saveasnew": "1", "name": "Forged"}
        )

        assert response.status_code == 403
        assert traces() == before


class TestWithoutACsrfToken:
    @pytest.mark.parametrize("page", [*WRITERS, "/admin/login/", "/admin/logout/", "/admin/password_change/"])
    def test_every_post_is_refused(self, page: str, browser: Browser, records: Records, traces: Any) -> None:
        client: Client = browser("admin", enforce_csrf_checks=True)
        before = traces()

        response = client.post(address(page, records), everything(records))

        assert response.status_code == 403
        assert "The form has expired" in text_of(response)
        assert traces() == before

    def test_a_post_with_the_token_of_the_form_is_accepted(self, browser: Browser, make_supplier: Any) -> None:
        client: Client = browser("procurement", enforce_csrf_checks=True)
        client.get("/admin/suppliers/supplier/add/")
        token = client.cookies["csrftoken"].value

        response = client.post("/admin/suppliers/supplier/add/", {"name": "Tatra Coils", "csrfmiddlewaretoken": token})

        assert response.status_code == 302


class TestARefusalOfTheService:
    @pytest.mark.parametrize(
        ("values", "field", "says"),
        [
            ({"name": "HANSA forge gmbh"}, "name", "There is already a supplier named"),
            ({"name": "   "}, "name", "This field is required."),
            ({"name": "Hidden\u202eForge"}, "name", "invisible character U+202E"),
            ({"name": "F" * 201}, "name", "at most 200 characters"),
            ({"name": "New", "certification_expiry": "1066-10-14"}, "certification_expiry", "not a plausible end date"),
            (
                {"name": "New", "certification_expiry": "soon"},
                "certification_expiry",
                "This is not a day. Write it as YYYY-MM-DD, for example 2029-06-30.",
            ),
        ],
    )
    def test_stands_beside_its_field_and_keeps_the_input(
        self, values: dict[str, str], field: str, says: str, browser: Browser, records: Records, traces: Any
    ) -> None:
        before = traces()

        response = browser("procurement").post("/admin/suppliers/supplier/add/", values)
        form = response.context["adminform"].form

        assert response.status_code == 200
        assert list(form.errors) == [field]
        assert says in form.errors[field][0]
        assert form[field].value() == values[field]
        assert traces() == before

    def test_of_a_change_shows_the_stored_record_beside_the_input(self, browser: Browser, records: Records) -> None:
        response = browser("procurement").post(
            f"/admin/suppliers/supplier/{records.supplier.pk}/change/",
            {"certification_expiry": "1999-01-01", "reason": "x" * 2001},
        )
        shown = text_of(response)

        assert 'value="1999-01-01"' in shown
        assert "Not known</span>" in shown
        assert " ago</span>" not in shown

    def test_of_an_nc_without_its_parts_names_each(self, browser: Browser, records: Records, traces: Any) -> None:
        before = traces()

        response = browser("quality").post("/admin/ncs/nonconformity/add/", {"severity": "fatal", "supplier": "999999"})
        errors = response.context["adminform"].form.errors

        assert set(errors) == {"supplier", "severity", "description"}
        assert traces() == before

    def test_of_a_taken_or_impossible_username_stands_beside_it(self, browser: Browser, traces: Any) -> None:
        client = browser("admin")
        before = traces()
        form = {"role": "quality", "password": "brass-fitting-42x"}

        for username in ("quality", "with~tilde", "x" * 151, ""):
            response = client.post("/admin/accounts/user/add/", form | {"username": username})

            assert set(response.context["adminform"].form.errors) == {"username"}, username
        assert traces() == before

    @pytest.mark.parametrize("password", ["abc", "123456789012", "password1234", "miller-the-third", "p" * 129])
    def test_of_a_weak_password_stands_beside_it(
        self, password: str, browser: Browser, records: Records, traces: Any
    ) -> None:
        before = traces()

        created = browser("admin").post(
            "/admin/accounts/user/add/", {"username": "miller-the-thir", "role": "quality", "password": password}
        )

        assert set(created.context["adminform"].form.errors) == {"password"}
        assert f'value="{password}"' not in text_of(created)
        assert traces() == before

    @pytest.mark.parametrize(
        ("values", "field", "says"),
        [
            ({"month": "2199-12"}, "month", "has not begun"),
            ({"month": "May"}, "month", "Must be a month such as 2026-05"),
            ({"defective_qty": "501"}, "defective_qty", "501 pieces defective of 500 received"),
            ({"late_lots": "9"}, "late_lots", "9 lots late of 5 received"),
        ],
    )
    def test_of_a_month_stands_beside_its_field(
        self, values: dict[str, str], field: str, says: str, browser: Browser, records: Records, traces: Any
    ) -> None:
        before = traces()
        month = {
            "supplier": records.supplier.pk, "month": "2026-04", "received_qty": "500", "defective_qty": "0",
            "received_lots": "5", "rejected_lots": "0", "late_lots": "0",
        }  # fmt: skip

        response = browser("procurement").post("/admin/suppliers/suppliervolume/add/", month | values)

        errors = response.context["adminform"].form.errors
        assert list(errors) == [field]
        assert says in errors[field][0]
        assert traces() == before

    @pytest.mark.parametrize(
        ("name", "content", "says"),
        [("a.pdf", b"%PDF", "must end with .csv or .xlsx"), ("a.csv", b"", "The file is empty."),
         ("a.csv", b"Name\n", "no row below them")],
    )  # fmt: skip
    def test_of_a_file_that_is_no_table_stands_beside_it(
        self, name: str, content: bytes, says: str, browser: Browser, records: Records, traces: Any
    ) -> None:
        before = traces()
        form = {"kind": "suppliers", "mode": "all_or_nothing", "file": SimpleUploadedFile(name, content)}

        response = browser("procurement").post("/admin/exchange/importjob/add/", form)

        errors = response.context["adminform"].form.errors
        assert list(errors) == ["file"]
        assert says in errors["file"][0]
        assert traces() == before

    def test_of_columns_that_do_not_fit_leaves_the_import_as_it_was(
        self, browser: Browser, records: Records, traces: Any
    ) -> None:
        before = traces()
        form = {"column_0": "name", "column_1": "name", "mode": "good_rows"}

        response = browser("procurement").post(f"/admin/exchange/importjob/{records.job.pk}/change/?step=set_up", form)

        assert "assigned to more than one column" in text_of(response)
        assert traces() == before


class TestAnOutdatedPage:
    def test_of_an_nc_that_somebody_closed_meanwhile_changes_nothing(
        self, browser: Browser, records: Records, users: dict[str, Any], traces: Any
    ) -> None:
        close_nonconformity(nc_id=records.open_nc.pk, actor=users["quality"], reason="First")
        before = traces()

        response = browser("quality").post(
            f"/admin/ncs/nonconformity/{records.open_nc.pk}/change/", {"reason": "Second"}, follow=True
        )

        assert response.status_code == 200
        assert "has been closed already" in text_of(response)
        assert traces() == before

    def test_of_an_event_that_somebody_requeued_meanwhile_changes_nothing(
        self, browser: Browser, records: Records, traces: Any
    ) -> None:
        before = traces()

        response = browser("admin").post(
            f"/admin/outbox/outboxevent/{records.pending_event.pk}/change/", {"reason": "Again"}, follow=True
        )

        assert response.status_code == 200
        assert "is not dead any more" in text_of(response)
        assert traces() == before
