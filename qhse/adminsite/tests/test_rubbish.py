"""Rubbish in addresses, forms and hidden fields is answered, never with a 500 and never with a write."""

from __future__ import annotations

from itertools import cycle, product
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.admin.utils import quote as admin_quote

from qhse.adminsite.tests.conftest import Browser, Records, text_of

# A day without a time zone in an address: Django reads it as UTC and says so.
pytestmark = pytest.mark.filterwarnings("ignore:DateTimeField .* received a naive datetime")

LISTS = ("ncs/nonconformity", "suppliers/supplier", "audit/auditentry", "outbox/outboxevent", "accounts/user")
WORST = (
    "foo", "\0", "1" + "0" * 30, "9" * 5000, "9999-12-31 23:59:59-23:59", "\ud800".encode("utf-8", "surrogatepass"),
)  # fmt: skip
VALUES = (
    *WORST, "", "-1", "99999", "a\0b", "'; DROP TABLE ncs_nonconformity; --", "%_\\", "😀" * 300, "2026-02-30",
    "0001-01-01", "null", "(a+)+$", "1,2,3", "\"'", "x" * 10_000,
)  # fmt: skip
FILTERS = {  # what each list may be filtered by
    "ncs/nonconformity": ("status", "supplier", "severity__exact", "created_at__gte", "created_at__lt"),
    "suppliers/supplier": ("at_risk", "risk_level", "certification"),
    "audit/auditentry": ("action", "entity_type", "actor_role", "source", "request_id", "entity_id", "created_at__gte"),
    "outbox/outboxevent": ("status__exact", "event_type", "created_at__lt"),
    "accounts/user": ("role__exact", "is_active__exact", "is_staff__isnull"),
}
OTHERS = ("id", "pk", "password", "created_at", "reported_by", "supplier__name", "event_id", "role", "nosuch", "status")
# Eleven, beside ten columns: at each round a column meets another one.
LOOKUPS = (
    "",
    "__exact",
    "__in",
    "__gte",
    "__isnull",
    "__year",
    "__regex",
    "__startswith",
    "__nosuch",
    "__",
    "__exact__gt",
)
CONTROLS = ("q", "p", "o", "all", "e", "_facets", "_popup", "_to_field", "_changelist_filters", "\0", "__", "")
IDS = (
    "%00", "1%00", "foo", "0", "-1", "1" + "0" * 30, "9" * 5000, "1.5", "1e3", "%F0%9F%98%80", "%ED%A0%80", "..%2F..",
    "1%2F", "_5F", "%0d%0aSet-Cookie:x=1", "null", "x" * 2000,
)  # fmt: skip


def encoded(value: Any) -> str:
    return quote(value, safe="")


@pytest.fixture(autouse=True)
def answer_500_instead_of_raising(settings: Any) -> None:
    settings.DEBUG_PROPAGATE_EXCEPTIONS = False


# Without a transaction around it, as in production: in one, PostgreSQL's first refusal would end all that follows.
@pytest.mark.django_db(transaction=True)
class TestAddressesOfLists:
    @pytest.mark.parametrize("page", LISTS)
    def test_are_answered_whatever_value_they_filter_by(self, page: str, browser: Browser, records: Records) -> None:
        client = browser("admin", raise_request_exception=False)

        for name, value in (*product(FILTERS[page], WORST), *product("q", VALUES)):
            response = client.get(f"/admin/{page}/?{name}={encoded(value)}")

            assert response.status_code == 200, (name, value)

    @pytest.mark.parametrize("page", LISTS)
    def test_are_answered_whatever_column_they_filter_by(self, page: str, browser: Browser, records: Records) -> None:
        client = browser("admin", raise_request_exception=False)
        lookups, values = cycle(LOOKUPS), cycle(VALUES)

        for column in OTHERS * 3:
            lookup, value = next(lookups), next(values)
            response = client.get(f"/admin/{page}/?{column}{lookup}={encoded(value)}")

            assert response.status_code == 200, (column, lookup, value)

    def test_are_answered_whatever_the_page_and_order(self, browser: Browser, records: Records) -> None:
        client = browser("admin", raise_request_exception=False)

        for name, value in product(CONTROLS, WORST):
            response = client.get(f"/admin/ncs/nonconformity/?{encoded(name)}={encoded(value)}")

            assert response.status_code == 200, (name, value)

    def test_say_that_a_filter_was_left_out(self, browser: Browser, records: Records) -> None:
        client = browser("quality")

        for query in (
            "created_at__gte=foo", "status=x", "supplier=%00", "supplier=7777", "password__startswith=a",
            "severity__regex=(a", "severity__startswith=h", "reported_by__password__gt=a", "nosuch=1",
            "created_at__gte=2026-01-01T00:00:00Z%00", "q=%00",
            f"supplier=0_{records.supplier.pk}", f"supplier=%2B{records.supplier.pk}", "supplier=%EF%BC%91",
        ):  # fmt: skip
            response = client.get(f"/admin/ncs/nonconformity/?{query}")

            assert "The filter in the address was not understood" in text_of(response), query

    def test_do_not_let_a_password_hash_be_guessed(self, browser: Browser, records: Records) -> None:
        client = browser("admin")

        for query in ("password__startswith=zzz", "password__regex=^zzz", "password=zzz", "password__gt=zzz"):
            response = client.get(f"/admin/accounts/user/?{query}")

            assert "miller" in text_of(response), query

    def test_do_not_turn_an_action_on_a_few_into_one_on_all(
        self, browser: Browser, records: Records, traces: Any
    ) -> None:
        before = traces()

        response = browser("quality").post(
            "/admin/ncs/nonconformity/?status=rubbish",
            {
                "action": "close_selected", "select_across": 1, "_selected_action": [records.open_nc.pk],
                "confirmed": 1, "reason": "x",
            },
        )  # fmt: skip

        assert response.status_code == 302
        assert traces() == before


class TestAddressesOfRecords:
    @pytest.mark.parametrize("page", LISTS)
    def test_that_do_not_exist_are_never_a_500(self, page: str, browser: Browser, records: Records) -> None:
        client = browser("admin", raise_request_exception=False)

        for pk, (ask, view) in product(
            IDS, ((client.get, "change/"), (client.post, "change/"), (client.get, "history/"))
        ):
            response = ask(f"/admin/{page}/{pk}/{view}")

            assert response.status_code in {302, 403, 404}, (pk, view)

    @pytest.mark.parametrize("name", ["_popup", "_to_field"])
    def test_may_ask_for_a_pop_up_which_no_page_has(
        self, name: str, browser: Browser, records: Records, caplog: pytest.LogCaptureFixture
    ) -> None:
        client = browser("procurement")
        pages = ("add/", f"{records.supplier.pk}/change/")

        shown = [client.get(f"/admin/suppliers/supplier/{page}?_popup=1&{name}=name") for page in pages]
        added = client.post("/admin/suppliers/supplier/add/", {"name": "Hansa Forge", name: "name"})

        assert [each.status_code for each in (*shown, added)] == [200, 200, 302]
        assert not any(each.context["is_popup"] for each in shown)
        assert not [each for each in caplog.records if each.name.startswith("django.security")]

    def test_that_do_not_exist_lead_back_with_a_message(self, browser: Browser) -> None:
        response = browser("quality").get("/admin/ncs/nonconformity/4711/change/", follow=True)

        assert response.redirect_chain == [("/admin/", 302)]
        assert "Non-conformity with ID “4711” doesn’t exist" in text_of(response)

    @pytest.mark.parametrize("spelt", ["0_{}", "+{}", "{}.0"])
    def test_are_numbers_in_digits_alone(self, browser: Browser, records: Records, spelt: str) -> None:
        number = spelt.format(records.supplier.pk)

        page = f"/admin/suppliers/supplier/{admin_quote(number)}/change/"  # of _25 Django makes a percent sign
        response = browser("quality").get(page, follow=True)
        listed = browser("quality").get(f"/admin/suppliers/suppliervolume/?supplier={encoded(number)}")

        assert f"Supplier with ID “{number}” doesn’t exist" in text_of(response)
        assert "The filter in the address was not understood" in text_of(listed)

    def test_of_the_add_form_may_ask_for_an_unknown_supplier(self, browser: Browser, records: Records) -> None:
        client = browser("quality", raise_request_exception=False)

        for name, value in product(("supplier", "severity", "_to_field", "_changelist_filters"), WORST):
            response = client.get(f"/admin/ncs/nonconformity/add/?{name}={encoded(value)}")

            assert response.status_code in {200, 400}, (name, value)

    def test_of_other_pages_are_never_a_500(self, browser: Browser, records: Records) -> None:
        client = browser("admin", raise_request_exception=False)
        pages = [
            "nosuch/", "ncs/", "ncs/nosuch/", "r/1/1/", "r/foo/bar/", "r/%00/%00/", "r/1%30000000000000000000000/1/",
            "%00", "%0d%0a/", "//example.com", "autocomplete/?app_label=%00&model_name=x&field_name=y",
            "autocomplete/?app_label=ncs&model_name=nonconformity&field_name=severity", "jsi18n/?x=%00",
            *(
                f"autocomplete/?app_label=ncs&model_name=nonconformity&field_name=supplier&{name}={encoded(value)}"
                for name in ("term", "page") for value in WORST
            ),
        ]  # fmt: skip

        answers = {page: client.get(f"/admin/{page}").status_code for page in pages}

        assert {page: status for page, status in answers.items() if status >= 500} == {}

    def test_without_the_slash_lead_to_the_page(self, browser: Browser) -> None:
        response = browser("quality").get("/admin/ncs/nonconformity?severity__exact=high")

        assert (response.status_code, response["Location"]) == (302, "/admin/ncs/nonconformity/?severity__exact=high")


class TestForms:
    @pytest.mark.parametrize(
        ("page", "role", "fields"),
        [
            ("suppliers/supplier/add/", "admin", ("name", "certification_expiry", "_popup")),
            ("suppliers/supplier/{supplier}/change/", "admin", ("certification_expiry", "_to_field")),
            ("ncs/nonconformity/add/", "admin", ("supplier", "severity")),
            ("accounts/user/add/", "admin", ("username", "role", "email", "password")),
            ("accounts/user/{user}/change/", "admin", ("role", "email", "new_password")),
        ],
    )
    def test_with_rubbish_are_answered_and_store_nothing_they_should_not(
        self, page: str, role: str, fields: tuple[str, ...], browser: Browser, records: Records
    ) -> None:
        client = browser(role, raise_request_exception=False)
        path = "/admin/" + page.format(supplier=records.supplier.pk, user=records.user.pk)

        for field, value in product(fields, (*WORST, "", "😀" * 300)):
            response = client.post(path, {field: value, "reason": ""})

            assert response.status_code in {200, 302, 400}, (field, value)

    @pytest.mark.parametrize("field", ["description", "reason", "name", "username", "email"])
    def test_with_a_nul_are_refused(self, field: str, browser: Browser, records: Records, traces: Any) -> None:
        pages = {
            "description": "ncs/nonconformity/add/",
            "reason": f"ncs/nonconformity/{records.open_nc.pk}/change/?step=close",
            "name": "suppliers/supplier/add/",
            "username": "accounts/user/add/",
            "email": "accounts/user/add/",
        }
        form = {
            "supplier": records.supplier.pk, "severity": "low", "description": "Wet", "role": "quality",
            "username": "weber", "password": "brass-fitting-42x",
        }  # fmt: skip
        before = traces()

        response = browser("admin").post(f"/admin/{pages[field]}", form | {field: "a\0b"})

        assert list(response.context["adminform"].form.errors) == [field]
        assert traces() == before

    @pytest.mark.parametrize("page", ["ncs/nonconformity", "outbox/outboxevent"])
    def test_with_a_tampered_selection_are_refused(
        self, page: str, browser: Browser, records: Records, traces: Any
    ) -> None:
        client = browser("admin", raise_request_exception=False)
        action = "close_selected" if page.startswith("ncs") else "requeue_selected"
        before = traces()

        for value, hidden in product(WORST, ("index", "select_across", "action", "nothing")):
            form = {"action": action, "_selected_action": [value], "confirmed": 1, "reason": "x"} | {hidden: value}
            response = client.post(f"/admin/{page}/", form)

            assert response.status_code in {200, 302}, (hidden, value)
        assert traces() == before
