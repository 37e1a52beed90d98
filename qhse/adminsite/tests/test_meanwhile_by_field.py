"""Of each field it is known what the person has not touched, whatever the trail calls it or has about it."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from django.contrib.sessions.models import Session
from django.core.signing import b64_encode
from django.db.models import F, Model
from django.test import Client

from audit.history import SHOWN
from ncs.services import assign_nonconformity, correct_nonconformity, open_action
from outbox.webhooks.services import create_webhook
from qhse.adminsite.marks import OPENED
from qhse.adminsite.tests.conftest import Browser, Records, text_of
from qhse.adminsite.tests.forms_of import fields_of, open_and_fill
from qhse.adminsite.tests.test_held import log_in_there
from qhse.adminsite.tests.test_meanwhile import rows_of
from qhse.exchange.services import preview_import
from suppliers.services import set_volume

FORGED = b64_encode(b'{"owner":"1"}').decode() + ":" + "A" * 43


class Case(NamedTuple):
    """A field of a form. Somebody else lets the record have another value, which the panel then has in words."""

    record: Any
    step: str
    field: str
    value: Any
    sent: list[str]
    label: str
    words: str
    typed: dict[str, str]


Make = Callable[..., Any]


@pytest.fixture
def case_of(
    request: Any, users: Any, make_nc: Make, make_supplier: Make, make_certificate: Make
) -> Callable[..., Case]:
    quality, admin = users["quality"], users["admin"]

    def nc_owner() -> Case:
        nc, typed = make_nc(), {"due_on": "2031-01-31", "reason": "The tool comes late"}
        return Case(nc, "assign", "owner_id", admin.pk, [str(admin.pk)], "Owner", "admin", typed)

    def nc_supplier() -> Case:
        other, typed = make_supplier(name="Rossi S.p.A."), {"lot_no": "L-7", "reason": "Read on the box"}
        return Case(make_nc(), "correct", "supplier_id", other.pk, [str(other.pk)], "Supplier", "Rossi S.p.A.", typed)

    def nc_cost() -> Case:
        typed = {"lot_no": "L-7", "reason": "Read on the box"}
        return Case(make_nc(), "correct", "cost", Decimal("1250.50"), ["1250.50"], "Cost", "1250.50", typed)

    def action_owner() -> Case:
        action = open_action(nc_id=make_nc().pk, kind="correction", title="Sort 40 boxes", actor=quality)
        typed = {"title": "Sort 60 boxes"}
        return Case(action, "change", "owner_id", admin.pk, [str(admin.pk)], "Owner", "admin", typed)

    def certificate_renewed() -> Case:
        old = make_certificate(days=20, number="A-1", valid_from=date(2023, 1, 1))
        new = make_certificate(supplier_id=old.supplier_id, number="A-2")
        typed = {"scope": "Forging", "reason": "Read again"}
        return Case(new, "correct", "supersedes_id", old.pk, [str(old.pk)], "Renews", str(old), typed)

    def supplier_standards() -> Case:
        # As they are stored. The page has them in another order.
        supplier, value = make_supplier(required_standards=["iso_13485", "iso_14001"]), ["iso_13485", "iso_9001"]
        typed = {"contact_name": "Anna", "reason": "New"}
        return Case(supplier, "correct", "required_standards", value, value, "Required standards", "ISO 9001", typed)

    def supplier_without_standards() -> Case:
        supplier, typed = make_supplier(), {"contact_name": "Anna", "reason": "New"}
        value = ["iso_9001"]
        return Case(supplier, "correct", "required_standards", value, value, "Required standards", "ISO 9001", typed)

    def webhook_url() -> Case:
        webhook, _ = create_webhook(url="https://erp.example.com/hooks/a1", event_types=["*"], actor=admin)
        url, typed = "https://erp.example.com/hooks/b2", {"description": "ERP"}
        return Case(webhook, "change", "url", url, [url], "Address", url, typed)

    def import_column() -> Case:
        text = io.BytesIO(b"Name;Country;Ref\nRossi S.p.A.;IT;7\n")
        job = preview_import(kind="suppliers", name="s.csv", content=text, mode="all_or_nothing", actor=admin)
        columns = [each | {"field": "contact_name"} if each["header"] == "Ref" else each for each in job.columns]
        typed = {"mode": "good_rows"}
        return Case(job, "set_up", "columns", columns, ["contact_name"], "Ref", "Contact", typed)

    def volume_lots() -> Case:
        volume = set_volume(
            supplier_id=make_supplier().pk, month=date(2026, 5, 1), received_qty=500, defective_qty=1, actor=admin
        )
        return Case(volume, "", "received_qty", 900, ["900"], "Pieces received", "900", {"late_lots": "0"})

    made = {make.__name__: make for make in (
        nc_owner, nc_supplier, nc_cost, action_owner, certificate_renewed, supplier_standards,
        supplier_without_standards, webhook_url, import_column, volume_lots,
    )}  # fmt: skip
    return lambda name: made[name]()


CASES = (
    "nc_owner", "nc_supplier", "nc_cost", "action_owner", "certificate_renewed", "supplier_standards",
    "supplier_without_standards", "webhook_url", "import_column", "volume_lots",
)  # fmt: skip


def page_of(case: Case) -> str:
    record, step = case.record, f"?step={case.step}" if case.step else ""
    return f"/admin/{record._meta.app_label}/{record._meta.model_name}/{record.pk}/change/{step}"


def name_in_form(case: Case) -> str:
    return "column_2" if case.field == "columns" else case.field.removesuffix("_id")


def change_unseen(record: Model, **values: Any) -> None:
    """Change a record as a service would, without an entry in the trail."""
    type(record)._default_manager.filter(pk=record.pk).update(**values, version=F("version") + 1)


@pytest.mark.parametrize("name", CASES)
class TestAField:
    def test_that_nobody_touched_has_the_value_of_now_and_keeps_it(
        self, name: str, case_of: Any, browser: Browser
    ) -> None:
        case, client = case_of(name), browser("admin")
        fields = open_and_fill(client, page_of(case), **case.typed)
        change_unseen(case.record, **{case.field: case.value})

        refused = client.post(page_of(case), fields)
        again = fields_of(refused)
        saved = client.post(page_of(case), again)

        assert sorted(again[name_in_form(case)]) == sorted(case.sent)
        assert {key: again[key][0] for key in case.typed} == case.typed
        assert saved.status_code == 302, saved.context["adminform"].form.errors
        stored = getattr(type(case.record)._default_manager.get(pk=case.record.pk), case.field)
        assert stored == case.value

    def test_is_told_by_its_label_and_in_words(self, name: str, case_of: Any, browser: Browser) -> None:
        case, client = case_of(name), browser("admin")
        fields = open_and_fill(client, page_of(case), **case.typed)
        change_unseen(case.record, **{case.field: case.value})

        (row,) = rows_of(client.post(page_of(case), fields))

        assert row[0] == case.label
        assert case.words in row[2] and case.words not in row[1]
        assert row[3] == row[2]

    def test_is_not_told_when_it_was_another_that_changed(self, name: str, case_of: Any, browser: Browser) -> None:
        case, client = case_of(name), browser("admin")
        change_unseen(case.record, **{case.field: case.value})
        fields = open_and_fill(client, page_of(case), **case.typed)
        change_unseen(case.record)

        refused = client.post(page_of(case), fields)

        assert "Nothing that this form asks for is another" in text_of(refused)
        assert sorted(fields_of(refused)[name_in_form(case)]) == sorted(case.sent)


class TestAPage:
    def test_that_a_program_changed_seventy_times_shows_and_keeps_what_changed_first(
        self, browser: Browser, make_nc: Make, users: Any
    ) -> None:
        nc, client = make_nc(), browser("quality")
        page = f"/admin/ncs/nonconformity/{nc.pk}/change/?step=correct"
        fields = open_and_fill(client, page, po_ref="4500", reason="Read again")
        correct_nonconformity(nc_id=nc.pk, values={"part_no": "A-7"}, actor=users["admin"], reason="Drawing")
        for number in range(SHOWN + 1):
            values = {"lot_no": f"L-{number}"}
            correct_nonconformity(nc_id=nc.pk, values=values, actor=users["quality"], reason="Read")

        refused = client.post(page, fields)

        first = next(row for row in rows_of(refused) if row[2] == "A-7")
        assert (first[1], first[3], first[4]) == ("–", "A-7", "admin")
        assert fields_of(refused)["part_no"] == ["A-7"]

    def test_tells_who_changed_a_month_of_deliveries(self, browser: Browser, make_supplier: Make, users: Any) -> None:
        month = {"supplier_id": make_supplier().pk, "month": date(2026, 5, 1), "defective_qty": 1}
        volume, client = set_volume(**month, received_qty=500, actor=users["admin"]), browser("procurement")
        page = f"/admin/suppliers/suppliervolume/{volume.pk}/change/"
        fields = open_and_fill(client, page, received_qty="800")
        set_volume(**month, received_qty=700, actor=users["admin"])
        set_volume(**month | {"month": date(2026, 6, 1)}, received_qty=600, actor=users["procurement"])

        (row,) = rows_of(client.post(page, fields))

        assert row[:5] == ["Pieces received", "500", "700", "800", "admin"]

    def test_tells_in_words_what_its_form_does_not_ask_for(self, browser: Browser, make_nc: Make, users: Any) -> None:
        nc, client = make_nc(owner_id=users["quality"].pk), browser("quality")
        page = f"/admin/ncs/nonconformity/{nc.pk}/change/?step=contain"
        fields = open_and_fill(client, page, containment="Blocked")
        assign_nonconformity(nc_id=nc.pk, owner_id=users["admin"].pk, due_on=nc.due_on, actor=users["admin"])

        rows = rows_of(client.post(page, fields))

        assert ["Owner", "quality", "admin", "–", "admin"] in [row[:5] for row in rows]

    def test_names_an_owner_who_has_left(self, browser: Browser, make_nc: Make, users: Any) -> None:
        nc, client = make_nc(owner_id=users["quality"].pk), browser("admin")
        page = f"/admin/ncs/nonconformity/{nc.pk}/change/?step=assign"
        fields = open_and_fill(client, page, reason="Late")
        change_unseen(nc, owner_id=users["admin"].pk)
        type(users["quality"]).objects.filter(pk=users["quality"].pk).update(is_active=False)

        (row,) = rows_of(client.post(page, fields))

        assert row[:4] == ["Owner", "quality", "admin", "admin"]

    @pytest.mark.parametrize("opened", [None, "", "x", "\0", "[[[[", ".eJ:é", FORGED])
    def test_that_carries_nothing_of_ours_keeps_what_was_sent_and_shows_what_is_not_stored(
        self, opened: str | None, browser: Browser, make_nc: Make, users: Any
    ) -> None:
        nc, client = make_nc(owner_id=users["quality"].pk), browser("admin")
        page = f"/admin/ncs/nonconformity/{nc.pk}/change/?step=assign"
        fields = open_and_fill(client, page, reason="Late", **{OPENED: opened})
        change_unseen(nc, owner_id=users["admin"].pk)

        refused = client.post(page, fields)
        (row,) = rows_of(refused)

        assert row[:4] == ["Owner", "–", "admin", "quality"]
        assert fields_of(refused)["owner"] == [str(users["quality"].pk)]
        nc.refresh_from_db()
        assert nc.owner_id == users["admin"].pk

    def test_that_was_refused_for_its_input_still_knows_what_it_was_opened_with(
        self, browser: Browser, make_supplier: Make
    ) -> None:
        supplier, client = make_supplier(), browser("procurement")
        page = f"/admin/suppliers/supplier/{supplier.pk}/change/?step=correct"
        refused = client.post(page, open_and_fill(client, page, required_standards=["iso_9001"], reason=""))
        change_unseen(supplier, country="IT")

        stale = client.post(page, fields_of(refused, reason="Car line"))

        assert stale.status_code == 200
        assert fields_of(stale)["required_standards"] == ["iso_9001"]
        assert [row[:4] for row in rows_of(stale)] == [["Country", "–", "Italy", "Italy"]]

    def test_that_is_given_back_after_a_login_knows_it_too(self, browser: Browser, make_nc: Make, users: Any) -> None:
        nc, client = make_nc(owner_id=users["quality"].pk), browser("admin")
        page = f"/admin/ncs/nonconformity/{nc.pk}/change/?step=assign"
        fields = open_and_fill(client, page, reason="The tool comes late")
        Session.objects.all().delete()
        change_unseen(nc, owner_id=users["admin"].pk)

        shown = log_in_there(client, client.post(page, fields), "admin")

        assert fields_of(shown)["owner"] == [str(users["admin"].pk)]
        assert fields_of(shown)["reason"] == ["The tool comes late"]
        assert [row[:4] for row in rows_of(shown)] == [["Owner", "quality", "admin", "admin"]]

    def test_carries_no_password_and_no_file(self, browser: Browser, records: Records, monkeypatch: Any) -> None:
        carried: list[Any] = []
        monkeypatch.setattr("qhse.adminsite.base.opened_with", lambda values: carried.append(values) or "")
        client: Client = browser("admin")

        client.get(f"/admin/accounts/user/{records.user.pk}/change/")
        client.get(f"/admin/ncs/nonconformity/{records.open_nc.pk}/change/?step=add_file")

        assert [set(values) & {"new_password", "file"} for values in carried] == [set(), set()]
        assert "email" in carried[0] and "file_description" in carried[1]
